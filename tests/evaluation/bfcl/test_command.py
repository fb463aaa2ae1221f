"""`trinity-chord eval bfcl` on the benchmark's cases, with answers from a file and from a model."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.evaluation.bfcl.gold import gold_calls, reply
from tests.tiny_model import make_model_folder
from trinity_chord.cli import app
from trinity_chord.evaluation.bfcl.cases import CATEGORIES
from trinity_chord.evaluation.bfcl.store import SAMPLES, SUMMARY

SOME = ["--categories", "live_parallel,parallel", "--limit", "3"]
OF_PIP = ("--no-deps", "--upgrade", "--target")
SAMPLED = ["--categories", "simple_python,live_parallel", "--limit", "1", "--max-tokens", "8"]


def invoke(*words):
    return CliRunner().invoke(app, ["eval", "bfcl", *map(str, words)])


def scores(*words):
    result = invoke(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(*words):
    result = invoke(*words)
    assert result.exit_code == 2, result.output
    return result.stderr


def write(path, answers):
    lines = (json.dumps({"id": name, "response": text}) for name, text in answers.items())
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def gold(tmp_path_factory, cases):
    answers = {case.id: reply(gold_calls(case)) for case in cases}
    return write(tmp_path_factory.mktemp("gold") / "gold.jsonl", answers)


@pytest.fixture
def some(tmp_path, cases):
    """Return a file of answers to three cases of two categories, the first of each wrong."""
    chosen = [c for name in ("parallel", "live_parallel") for c in cases if c.category == name]
    kept = [c for c in chosen if int(c.id.rsplit("_", 1)[1].split("-")[0]) < 3]
    answers = {c.id: reply(gold_calls(c)) for c in kept}
    return write(tmp_path / "some.jsonl", {**answers, kept[0].id: "no", kept[3].id: reply([])})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = make_model_folder(tmp_path_factory.mktemp("model"))
    config = json.loads((folder / "config.json").read_text())
    config["max_position_embeddings"] = 16384  # A prompt has a few thousand characters.
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_correct_answers_to_the_whole_benchmark(gold):
    found = scores("--responses", gold)
    assert found["partial"] is False
    assert list(found["categories"]) == list(CATEGORIES)
    assert (found["non_live"]["correct"], found["non_live"]["total"]) == (1000, 1000)
    assert (found["live"]["correct"], found["live"]["total"]) == (1347, 1351)
    assert (found["overall"]["correct"], found["overall"]["total"]) == (2347, 2351)
    assert found["truncated"] is None
    assert found["versions"]["bfcl-eval"] == "2026.3.23"


def test_a_complete_evaluation_is_shown_with_the_papers_scores(gold):
    shown = invoke("--responses", gold).stdout
    assert "PARTIAL" not in shown
    assert "CHORD-φ 78.5" in " ".join(shown.split())


def test_a_partial_evaluation_says_so_and_is_not_compared(some):
    shown = " ".join(invoke("--responses", some, *SOME).stdout.split())
    assert "BFCL, PARTIAL: 2 of 8 categories, at most 3 cases per category" in shown
    assert "CHORD" not in shown


def test_a_partial_evaluation_is_scored(some):
    found = scores("--responses", some, *SOME)
    assert found["partial"] is True
    assert {name: c["correct"] for name, c in found["categories"].items()} == {
        "parallel": 2,
        "live_parallel": 2,
    }
    assert found["overall"]["accuracy"] == 4 / 6
    assert found["errors"] == {
        "ast_decoder:decoder_failed": 1,
        "parallel_function_checker_no_order:wrong_count": 1,
    }


def test_part_of_the_answers_can_be_scored(gold):
    found = scores("--responses", gold, *SOME)
    assert (found["partial"], found["overall"]["total"]) == (True, 6)


def test_a_limit_that_excludes_nothing_is_not_partial(gold):
    assert scores("--responses", gold, "--limit", "1053")["partial"] is False


def test_every_sample_is_kept_with_its_calls_and_verdict(some, tmp_path):
    out = tmp_path / "out"
    found = scores("--responses", some, *SOME, "--out", out)
    kept = [json.loads(line) for line in (out / SAMPLES).read_text().splitlines()]
    assert [row["valid"] for row in kept] == [False, True, True, False, True, True]
    assert kept[0]["response"] == "no"
    assert kept[0]["error_type"] == "ast_decoder:decoder_failed"
    assert kept[0]["calls"] is None
    assert kept[1]["calls"][0].keys() == {"calculate_em_force"}
    assert kept[3]["error"] == "Wrong number of functions."
    assert json.loads((out / SUMMARY).read_text()) == found


def test_standard_output_has_only_the_json(some):
    command = [sys.executable, "-m", "trinity_chord.cli", "eval", "bfcl", "--json"]
    done = subprocess.run(
        [*command, "--responses", str(some), *SOME], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["overall"]["total"] == 6
    assert "6/6" in done.stderr


def test_all_problems_of_a_file_of_answers_are_reported_at_once(tmp_path):
    path = write(tmp_path / "r.jsonl", {"parallel_0": "x", "other_1": "y"})
    message = refused("--responses", path, *SOME)
    assert "line 2: id: got 'other_1', which is not a case of the benchmark" in message
    assert "no answer for 5 cases: parallel_1, parallel_2, live_parallel_0-0-0" in message


@pytest.mark.parametrize("words", [[], ["--model", "m", "--responses", "r"]])
def test_exactly_one_of_model_and_responses_is_required(words):
    assert "give either --model or --responses" in refused(*words)


def test_an_unknown_category_is_reported(some):
    assert "--categories: got simple, expected some of simple_python" in refused(
        "--responses", some, "--categories", "simple"
    )


def test_a_missing_bfcl_eval_is_reported_with_the_install_command(some, tmp_path):
    message = refused("--responses", some, "--bfcl-eval", tmp_path)
    assert f"pip install --no-deps --upgrade --target {tmp_path} bfcl-eval==" in message


def test_the_folder_of_bfcl_eval_can_come_from_the_environment(some, tmp_path, monkeypatch):
    monkeypatch.setenv("TRINITY_CHORD_BFCL", str(tmp_path))
    assert f"--target {tmp_path}" in refused("--responses", some)


def test_another_version_is_used_with_a_warning(some, package, tmp_path):
    (tmp_path / "bfcl_eval").symlink_to(package.folder / "bfcl_eval")
    result = invoke("--responses", some, *SOME, "--bfcl-eval", tmp_path)
    assert result.exit_code == 0
    assert "got version unknown, expected 2026.3.23" in result.stderr


def test_a_model_is_sampled_and_scored(model, tmp_path):
    out = tmp_path / "out"
    found = scores("--model", model, *SAMPLED, "--out", out)
    assert found["overall"]["total"] == 2
    assert found["truncated"] == 2
    kept = [json.loads(line) for line in (out / SAMPLES).read_text().splitlines()]
    assert [row["id"] for row in kept] == ["simple_python_0", "live_parallel_0-0-0"]
    assert all(row["tokens"] == 8 and row["truncated"] for row in kept)
    assert found["settings"]["temperature"] == 0.0


def test_the_written_files_keep_their_keys(model, some, tmp_path):
    """Folders of earlier versions can be resumed, and their readers keep working."""
    found = scores("--model", model, *SAMPLED, "--out", tmp_path / "out")
    kept = json.loads((tmp_path / "out" / SAMPLES).read_text().splitlines()[0])
    assert list(kept) == [
        *("id", "category", "response", "tokens", "truncated"),
        *("valid", "error_type", "error", "calls"),
    ]
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    chosen = ["bfcl-eval", "categories", "limit"]
    sampling = ["temperature", "top_p", "max_tokens", "seed", "backend"]
    assert list(settings) == ["model", "weights", *sampling, *chosen]
    assert found["settings"] == {**settings, "interval_seed": 0}
    assert list(found) == [
        *("benchmark", "partial", "categories", "non_live", "live", "overall"),
        *("errors", "truncated", "settings", "versions"),
    ]
    assert list(found["overall"]) == ["correct", "total", "accuracy", "interval"]
    of_file = scores("--responses", some, *SOME)["settings"]
    assert list(of_file) == ["responses", "responses_sha256", *chosen, "interval_seed"]


def test_a_stopped_evaluation_resumes(model, tmp_path):
    out = tmp_path / "out"
    first = scores("--model", model, *SAMPLED, "--out", out)
    samples = out / SAMPLES
    done, last = samples.read_text().splitlines()
    marked = json.dumps({**json.loads(done), "response": "kept"})
    samples.write_text(f"{marked}\n{last[:20]}")
    (out / SUMMARY).unlink()
    assert scores("--model", model, *SAMPLED, "--out", out) == first
    assert samples.read_text() == f"{marked}\n{last}\n"


def test_other_settings_in_the_same_folder_are_refused(model, tmp_path):
    out = tmp_path / "out"
    scores("--model", model, *SAMPLED, "--out", out)
    message = refused("--model", model, *SAMPLED, "--out", out, "--temperature", "0.5")
    assert "temperature: 0.0 there, 0.5 now" in message


def test_another_model_at_the_same_path_is_refused(tmp_path):
    model, out = make_model_folder(tmp_path / "model"), tmp_path / "out"
    scores("--model", model, *SAMPLED, "--out", out)
    make_model_folder(tmp_path / "model", seed=1)
    assert "weights: " in refused("--model", model, *SAMPLED, "--out", out)


def test_the_options_in_the_document_exist():
    text = (Path(__file__).parents[3] / "docs" / "evaluation_bfcl.md").read_text()
    command = typer.main.get_command(app).commands["eval"].commands["bfcl"]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {o for o in re.findall(r"--[a-z-]+", text) if o not in OF_PIP} <= known
