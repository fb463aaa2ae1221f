import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.quickstart_folder import make_quickstart_folder
from trinity_chord.cli import app
from trinity_chord.cpu.machine import has_gpu
from trinity_chord.launch.check import check as validate
from trinity_chord.launch.load import load

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="module")
def variables(tmp_path_factory):
    return make_quickstart_folder(tmp_path_factory.mktemp("quickstart"))


@pytest.fixture
def folder(variables):
    return Path(variables["QUICKSTART_DIR"])


@pytest.fixture
def check(variables, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def call(name, *options):
        return CliRunner().invoke(app, ["check", str(CONFIGS / name), "--json", *options])

    return call


def test_the_quickstarts_numbers_are_derived(check):
    result = check("quickstart_cpu.yaml")
    assert result.exit_code == 0
    derived = json.loads(result.stdout)["derived"]
    expected = {"train_batch_size": 80, "on_policy_rows": 64, "expert_rows": 16, "trainer_ranks": 1}
    assert {key: derived[key] for key in expected} == expected


@pytest.mark.parametrize(("gpus", "ranks"), [(8, 4), (6, 2), (5, 1)])
def test_a_configuration_is_checked_for_a_cluster_that_is_elsewhere(check, gpus, ranks):
    result = check("mix_chord.yaml", "--nodes", "1", "--gpus-per-node", str(gpus))
    report = json.loads(result.stdout)
    assert result.exit_code == 0, report
    assert report["derived"]["train_batch_size"] == 320
    assert report["derived"]["trainer_ranks"] == ranks


def test_a_cluster_that_is_too_small_is_refused(check):
    result = check("mix_chord.yaml", "--nodes", "1", "--gpus-per-node", "4")
    assert result.exit_code == 2
    assert "Explorer requires 4 GPUs" in json.loads(result.stdout)["problems"][0]


def test_a_check_leaves_nothing_behind(check, folder):
    before = sorted(os.listdir(folder))
    assert check("quickstart_cpu.yaml").exit_code == 0
    assert sorted(os.listdir(folder)) == before


def test_a_wrong_value_is_named_and_the_exit_code_is_2(check):
    result = check("quickstart_cpu.yaml", "--set", "algorithm.sample_strategy_args.expert_rows=-1")
    assert result.exit_code == 2
    assert "algorithm.sample_strategy_args.expert_rows" in json.loads(result.stdout)["problems"][0]


def test_every_problem_is_listed_at_once(check):
    result = check(
        "quickstart_cpu.yaml",
        "--set",
        "algorithm.policy_loss_fn_args.mu_peak=1.5",
        "--set",
        "algorithm.policy_loss_fn_args.token_weight=phy",
    )
    peak, weight = json.loads(result.stdout)["problems"]
    assert "mu_peak`: got 1.5" in peak
    assert "did you mean 'phi'" in weight


@pytest.mark.skipif(has_gpu() or find_spec("vllm") is not None, reason="can run here")
def test_a_run_without_a_gpu_is_refused_with_all_other_problems(variables, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    overrides = ["algorithm.policy_loss_fn_args.mu_peak=1.5"]
    config = load(CONFIGS / "mix_chord.yaml", overrides)
    machine, peak = validate(config, before_run=True).problems
    assert "has neither a GPU nor vLLM" in machine
    assert "mu_peak`: got 1.5" in peak


def test_each_stage_is_shown_with_its_numbers(check, variables):
    result = CliRunner().invoke(app, ["check", str(CONFIGS / "presets/sft_then_grpo.yaml")])
    assert result.exit_code == 0
    titles = ["derived, stage sft", "estimates, stage sft", "derived, stage sft_then_grpo"]
    assert all(title in result.stdout for title in titles)


LORA = "model.lora_configs=[{name: adapter, lora_rank: 8}]"


def test_a_check_does_not_build_the_model_for_a_new_adapter(check, monkeypatch):
    def build(**settings):
        raise AssertionError("builds the model")

    monkeypatch.setattr("trinity.common.config_validator.create_dummy_lora", build)
    result = check("quickstart_cpu.yaml", "--set", LORA)
    assert result.exit_code == 0, result.output


def test_stages_with_an_adapter_are_refused(check):
    result = check("presets/sft_then_grpo.yaml", "--set", LORA)
    assert result.exit_code == 2
    (problem,) = json.loads(result.stdout)["problems"]
    assert problem.startswith("`stages`: got 2 with `model.lora_configs`, expected none")


@pytest.mark.parametrize(
    ("text", "problem"), [("a: [", "not YAML"), ("5", "expected a mapping"), (None, "not exist")]
)
def test_a_file_that_cannot_be_loaded_is_one_json_document(tmp_path, text, problem):
    path = tmp_path / "c.yaml"
    if text is not None:
        path.write_text(text)
    result = CliRunner().invoke(app, ["check", str(path), "--json"])
    report = json.loads(result.stdout)
    assert (result.exit_code, report["ok"]) == (2, False)
    assert problem in report["problems"][0]


def run_check(variables, *options, **environment):
    return subprocess.run(
        [sys.executable, "-m", "trinity_chord", "check", "configs/quickstart_cpu.yaml", *options],
        cwd=CONFIGS.parent,
        env={**os.environ, **variables, **environment},
        capture_output=True,
        timeout=300,
    )


def test_json_is_all_that_reaches_stdout(variables):
    done = run_check(variables, "--json", "--set", "model.temperature=0.5")
    assert json.loads(done.stdout)["ok"]


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "ascii"}, {"COLUMNS": "0"}],
)
def test_any_terminal_can_show_a_valid_check(variables, environment):
    done = run_check(variables, **environment)
    assert done.returncode == 0, done.stderr
    assert b"train_batch_size" in done.stdout
    assert b"ready to run" in done.stdout


def test_a_check_that_is_terminated_leaves_no_temporary_folder(variables, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "trinity_chord", "check", "configs/quickstart_cpu.yaml"],
        cwd=CONFIGS.parent,
        env={**os.environ, **variables, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not list(tmp_path.glob("chord-check-*")):
        time.sleep(0.05)
    process.terminate()
    assert process.wait(60) == 128 + signal.SIGTERM
    assert list(tmp_path.glob("chord-check-*")) == []


def test_wrong_values_do_not_hide_what_is_wrong_elsewhere(check):
    result = check(
        "quickstart_cpu.yaml",
        *("--set", "algorithm.optimizer.lr=-1", "--set", "buffer.batch_size=0"),
        *("--set", "algorithm.policy_loss_fn_args.token_weight=phy"),
    )
    problems = json.loads(result.stdout)["problems"]
    assert [problem.split("`")[1] for problem in problems] == [
        "algorithm.optimizer.lr",
        "buffer.batch_size",
        "algorithm.policy_loss_fn_args.token_weight",
    ]


def test_an_eval_taskset_that_cannot_be_opened_is_refused(check):
    tasks = "buffer.explorer_input.eval_tasksets=[{name: e, path: /nowhere}]"
    problems = json.loads(check("quickstart_cpu.yaml", "--set", tasks).stdout)["problems"]
    assert problems[0].startswith("`buffer.explorer_input.eval_tasksets.0.path`: got '/nowhere'")


def test_a_chat_template_with_a_syntax_error_is_one_problem(check):
    template = "model.custom_chat_template='{% for %}'"
    (problem,) = json.loads(check("quickstart_cpu.yaml", "--set", template).stdout)["problems"]
    assert problem.startswith("`model.custom_chat_template`: got '{% for %}', expected a chat")


def test_a_names_slash_is_refused_without_a_folder(check, folder):
    before = sorted(os.listdir(folder))
    result = check("quickstart_cpu.yaml", "--set", "name=../../x")
    assert "`name`: got '../../x'" in json.loads(result.stdout)["problems"][0]
    assert sorted(os.listdir(folder)) == before


def test_tokens_that_a_run_has_kept_are_not_encoded_again(check, variables, monkeypatch, folder):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    config = load(CONFIGS / "quickstart_cpu.yaml")
    assert validate(config, before_run=True).ok
    tokens = folder / "checkpoints" / "expert_tokens"
    kept = sorted(os.listdir(tokens))

    def encode(*arguments):
        raise AssertionError("encodes again")

    monkeypatch.setattr("trinity_chord.expert_data.cache._encode_to", encode)
    assert validate(config).ok
    assert sorted(os.listdir(tokens)) == kept
