"""`trinity-chord eval math`, with a tiny random model and with a file of responses."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.evaluation.math.sets import GOLD, gold_responses, write_rows, write_sets
from tests.tiny_model import make_model_folder
from trinity_chord.cli import app

NAMES = ",".join(GOLD)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = make_model_folder(tmp_path_factory.mktemp("model"))
    config = json.loads((folder / "config.json").read_text())
    config["max_position_embeddings"] = 1024  # One token per character of the prompt.
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_sets(tmp_path_factory.mktemp("data"))


def command(*arguments: object):
    return CliRunner().invoke(app, ["eval", "math", *map(str, arguments)])


def sampled(model: Path, data: Path, out: Path, *more: object):
    return command(
        *("--model", model, "--data-dir", data, "--out", out, "--sets", "amc23,mmlu-pro"),
        *("--max-tokens", 4, "--temperature", 1, "--k", "amc23=2", "--json", *more),
    )


def refused(result) -> str:
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return result.stderr


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_gold_responses_score_100_percent_and_stdout_has_only_the_json(data, tmp_path):
    path = write_rows(tmp_path / "r.jsonl", gold_responses())
    result = command("--responses", path, "--data-dir", data, "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert {name: each["avg"] for name, each in summary["sets"].items()} == dict.fromkeys(GOLD, 1)
    assert summary["sets"]["mmlu-pro"]["categories"] == {"chemistry": 1.0, "math": 1.0}
    assert summary["versions"]["math-verify"]


def test_responses_are_averaged_over_samples_and_kept_in_out(data, tmp_path):
    rows = [
        {"set": "aime24", "id": 60, "response": r"\boxed{204}", "sample": 0},
        {"set": "aime24", "id": 60, "response": r"\boxed{205}", "sample": 1},
        {"set": "aime24", "id": "61", "response": r"\boxed{25}"},
        {"set": "aime24", "id": "61", "response": "25"},
    ]
    out = tmp_path / "out"
    path = write_rows(tmp_path / "r.jsonl", rows)
    result = command("--responses", path, "--data-dir", data, "--out", out, "--json")
    figures = json.loads(result.stdout)["sets"]["aime24"]
    assert (figures["avg"], figures["k"], figures["pass"]["2"]["value"]) == (0.75, 2, 1.0)
    assert json.loads((out / "summary.json").read_text()) == json.loads(result.stdout)
    assert [
        (row["id"], row["sample"], row["correct"]) for row in lines(out / "scores/aime24.jsonl")
    ] == [
        ("60", 0, True),
        ("60", 1, False),
        ("61", 0, True),
        ("61", 1, True),
    ]


def test_the_table_includes_the_papers_figures(data, tmp_path):
    path = write_rows(tmp_path / "r.jsonl", gold_responses())
    result = command("--responses", path, "--data-dir", data)
    assert result.exit_code == 0, result.output
    rows = [
        [cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")]
        for line in result.stdout.splitlines()
    ]
    for row in (
        ["", "AMC23", "AIME24", "AIME25", "MMLU-Pro"],
        ["r.jsonl", "100.0", "100.0", "100.0", "100.0"],
        ["metric", "avg@1", "avg@1", "avg@1", "avg@1"],
        ["paper, metric", "avg@8", "avg@32", "avg@32", "avg@1"],
        ["CHORD-φ", "62.5", "18.2", "17.2", "56.2"],
    ):
        assert row in rows
    assert "arXiv 2508.11408), Qwen2.5-7B-Instruct" in " ".join(result.stdout.split())


def test_all_bad_lines_of_responses_are_reported_at_once(data, tmp_path):
    rows = [
        {"set": "aime24", "id": "60", "response": "1", "sample": 0},
        {"set": "aime24", "id": "60", "response": "1", "sample": 0},
        {"set": "aime24", "id": "99", "response": "1"},
        {"set": "aime24", "id": "61"},
        {"set": "aime24", "id": "61", "response": 5},
        {"set": "aime24", "id": "61", "response": "1", "sample": -1},
        {"set": "aime42", "id": "61", "response": "1"},
    ]
    path = write_rows(tmp_path / "r.jsonl", rows)
    text = refused(command("--responses", path, "--data-dir", data))
    for complaint in (
        "r.jsonl: 6 problems",
        "line 2: sample 0 of aime24 60 is already on an earlier line",
        "line 3: id: got '99', which is not a problem of aime24",
        "line 4: no response",
        "line 5: response: got int, expected text",
        "line 6: sample: got -1, expected an integer from 0",
        "line 7: set: got 'aime42', expected one of amc23, aime24",
    ):
        assert complaint in text


def test_responses_of_unknown_sets_are_refused_with_the_list_of_sets(data, tmp_path):
    path = write_rows(tmp_path / "r.jsonl", [{"set": ["a"], "id": 1, "response": "1"}])
    text = refused(command("--responses", path, "--data-dir", data))
    assert "line 1: set: got ['a'], expected one of amc23, aime24, aime25, mmlu-pro" in text


def test_all_missing_files_are_reported_at_once(model, tmp_path):
    text = refused(command("--model", model, "--data-dir", tmp_path, "--out", tmp_path / "out"))
    assert text.count("expected ") == len(GOLD)


def test_sets_selects_from_the_responses(data, tmp_path):
    path = write_rows(tmp_path / "r.jsonl", gold_responses())
    result = command("--responses", path, "--data-dir", data, "--sets", "aime25", "--json")
    assert list(json.loads(result.stdout)["sets"]) == ["aime25"]


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_no_response_at_all_is_refused(content, data, tmp_path):
    (tmp_path / "r.jsonl").write_text(content)
    text = refused(command("--responses", tmp_path / "r.jsonl", "--data-dir", data))
    assert "holds no response" in text


def test_every_sample_of_a_model_is_kept_with_its_score(model, data, tmp_path):
    result = sampled(model, data, tmp_path)
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    samples = lines(tmp_path / "samples/amc23.jsonl")
    assert [(row["id"], row["sample"]) for row in samples] == [
        ("0", 0),
        ("0", 1),
        ("1", 0),
        ("1", 1),
    ]
    assert set(samples[0]) == {"id", "sample", "response", "tokens", "truncated"}
    assert len(lines(tmp_path / "scores/amc23.jsonl")) == 4
    assert summary["sets"]["mmlu-pro"]["k"] == 1
    assert summary["settings"]["temperature"] == 1
    assert summary["sets"]["amc23"]["tokens"] <= 4


def test_the_written_files_keep_their_keys(model, data, tmp_path):
    """Folders of earlier versions can be resumed, and their readers keep working."""
    sampled(model, data, tmp_path)
    settings, summary = (
        json.loads((tmp_path / name).read_text()) for name in ("settings.json", "summary.json")
    )
    asked = ["model", "fingerprint", "system_prompt", "temperature", "top_p", "max_tokens", "seed"]
    assert list(settings) == [*asked, "sets"]
    assert list(settings["sets"]["amc23"]) == ["k", "problems"]
    assert list(summary) == ["name", "settings", "versions", "sets"]
    assert list(summary["settings"]) == [*asked, "sets", "backend", "batch_size"]
    assert list(summary["sets"]["mmlu-pro"]) == [
        *("problems", "of", "answers", "k", "avg", "interval", "pass", "boxed"),
        *("truncated", "tokens", "not_verified", "categories"),
    ]
    sample = lines(tmp_path / "samples/amc23.jsonl")[0]
    assert list(sample) == ["id", "sample", "response", "tokens", "truncated"]
    score = lines(tmp_path / "scores/amc23.jsonl")[0]
    assert list(score) == ["id", "sample", "gold", "boxed", "correct"]


def test_a_stopped_evaluation_resumes_to_the_same_result(model, data, tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    expected = sampled(model, data, whole).stdout
    shutil.copytree(whole, stopped)
    (stopped / "summary.json").unlink()
    shutil.rmtree(stopped / "scores")
    path = stopped / "samples/amc23.jsonl"
    path.write_bytes(path.read_bytes()[:-5])  # The last line is incomplete.
    (stopped / "samples/mmlu-pro.jsonl").unlink()
    result = sampled(model, data, stopped)
    assert result.stdout == expected
    assert contents(stopped) == contents(whole)


def test_a_finished_evaluation_samples_nothing_again(model, data, tmp_path, monkeypatch):
    first = sampled(model, data, tmp_path)
    monkeypatch.setattr("trinity_chord.evaluation.math.answers.sample", None)
    assert sampled(model, data, tmp_path).stdout == first.stdout


def test_other_settings_in_the_same_folder_are_refused_with_every_difference(model, data, tmp_path):
    sampled(model, data, tmp_path)
    before = contents(tmp_path)
    text = refused(sampled(model, data, tmp_path, "--temperature", 0.5, "--k", "amc23=3"))
    assert "temperature: 1.0 there, 0.5 now" in text
    assert "k of amc23: 2 there, 3 now" in text
    assert contents(tmp_path) == before


def test_another_model_in_the_same_folder_is_refused(model, data, tmp_path):
    other = make_model_folder(tmp_path / "other", seed=1)
    shutil.copy(model / "config.json", other / "config.json")
    sampled(model, data, tmp_path / "out")
    text = refused(sampled(other, data, tmp_path / "out"))
    assert f"model: '{model}' there, '{other}' now" in text
    assert "fingerprint" in text


def test_other_weights_at_the_same_path_are_another_model(model, data, tmp_path):
    copy = shutil.copytree(model, tmp_path / "model")
    sampled(copy, data, tmp_path / "out")
    make_model_folder(tmp_path / "other", seed=1)
    shutil.copy(tmp_path / "other/model.safetensors", copy)
    assert "fingerprint" in refused(sampled(copy, data, tmp_path / "out"))


def test_responses_do_not_mix_with_the_answers_of_a_model(model, data, tmp_path):
    out = tmp_path / "out"
    sampled(model, data, out)
    path = write_rows(tmp_path / "r.jsonl", gold_responses())
    before = contents(out)
    text = refused(command("--responses", path, "--data-dir", data, "--out", out))
    assert "holds an evaluation with other settings" in text
    assert contents(out) == before


def test_another_set_can_be_added(model, data, tmp_path):
    sampled(model, data, tmp_path)
    result = command(
        *("--model", model, "--data-dir", data, "--out", tmp_path, "--sets", "aime25"),
        *("--max-tokens", 4, "--temperature", 1, "--k", 1, "--json"),
    )
    assert list(json.loads(result.stdout)["sets"]) == ["aime25"]
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert list(settings["sets"]) == ["amc23", "mmlu-pro", "aime25"]


def test_a_folder_in_use_is_refused(model, data, tmp_path):
    from trinity_chord.evaluation.folder import alone_in

    with alone_in(tmp_path):
        assert "another evaluation is writing" in refused(sampled(model, data, tmp_path))


def test_the_default_folder_is_named_after_the_model(model, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ("--model", model, "--data-dir", data, "--sets", "aime25", "--k", 1)
    assert command(*arguments, "--max-tokens", 1).exit_code == 0
    (folder,) = (tmp_path / "runs/eval/math").iterdir()
    assert model.name in folder.name
    assert (folder / "summary.json").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "give either --model or --responses"),
        (("--model", "m", "--responses", "r"), "give either --model or --responses"),
        (
            ("--model", "m", "--sets", "aime42"),
            "--sets: got aime42, expected some of amc23, aime24",
        ),
        (("--model", "m", "--sets", "aime24", "--k", "amc23=2"), "--k: got 'amc23=2', expected"),
        (("--model", "m", "--sets", "aime24", "--k", "0"), "--k: got '0', expected"),
        (("--model", "m", "--sets", "aime24", "--k", "x"), "--k: got 'x', expected"),
        (("--responses", "none.jsonl"), "none.jsonl cannot be read"),
    ],
)
def test_wrong_arguments_are_refused(arguments, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert complaint in refused(command(*arguments))


def test_a_missing_model_is_refused_before_anything_is_written(data, tmp_path):
    out = tmp_path / "out"
    arguments = ("--model", tmp_path / "none", "--data-dir", data, "--out", out)
    assert "is not a folder" in refused(command(*arguments, "--sets", "aime25"))
    assert not (out / "settings.json").exists()
