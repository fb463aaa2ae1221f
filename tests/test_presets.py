"""The table of presets and the configurations made from it."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tools import config_files
from trinity_chord.cli import app
from trinity_chord.presets import PRESETS, apply
from trinity_chord.quickstart import yaml_path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "configs" / "presets"
BASE = {
    "mode": "both",
    "algorithm": {
        "algorithm_type": "mix_chord",
        "repeat_times": 4,
        "policy_loss_fn_args": {"mu_peak": 0.3},
        "sample_strategy_args": {"expert_data_ratio": 0.2, "sft_dataset_name": "worked"},
    },
    "buffer": {"batch_size": 8, "total_steps": 10},
    "trainer": {"total_steps": 10},
}


def test_the_generated_configurations_are_up_to_date(tmp_path):
    for path in config_files.write(tmp_path):
        assert path.read_text() == (ROOT / path.relative_to(tmp_path)).read_text(), "make generate"
    presets = {path.name for path in (tmp_path / "configs" / "presets").iterdir()}
    assert presets == {path.name for path in FOLDER.iterdir()}


def test_a_preset_takes_the_place_of_the_algorithm_and_its_arguments():
    made = apply(PRESETS["luffy"], BASE)["algorithm"]
    assert made["algorithm_type"] == "trinity_chord.CHORDAlgorithm"
    assert "mu_peak" not in made["policy_loss_fn_args"]
    assert made["policy_loss_fn_args"]["mu_schedule_args"] == {"value": 0.125}


def test_a_preset_keeps_the_data_and_its_amount():
    made = apply(PRESETS["luffy"], BASE)["algorithm"]
    assert made["repeat_times"] == 4
    assert made["sample_strategy_args"] == BASE["algorithm"]["sample_strategy_args"]


def test_pure_rl_keeps_no_amount_of_experts():
    args = apply(PRESETS["grpo"], BASE)["algorithm"]["sample_strategy_args"]
    assert args == {"sft_dataset_name": "worked", "expert_rows": 0}


def test_a_preset_without_rollouts_trains_on_batches_of_expert_rows():
    made = apply(PRESETS["iw_sft"], BASE)
    assert (made["mode"], made["buffer"]["train_batch_size"]) == ("train", 8)
    assert made["algorithm"]["sample_strategy_args"] == {"sft_dataset_name": "worked"}


def test_two_stages_share_the_steps():
    stages = apply(PRESETS["sft_then_grpo"], BASE)["stages"]
    assert [(s["stage_name"], s["mode"], s["trainer"]["total_steps"]) for s in stages] == [
        ("sft", "train", 5),
        ("sft_then_grpo", "both", 5),
    ]


def test_the_base_is_left_as_it_is():
    before = json.dumps(BASE)
    for preset in PRESETS.values():
        apply(preset, BASE)
    assert json.dumps(BASE) == before


def test_the_list_holds_the_yaml_of_each_preset():
    result = CliRunner().invoke(app, ["presets", "--json"])
    listed = {each["name"]: each for each in json.loads(result.stdout)}
    assert set(listed) == set(PRESETS)
    for name, each in listed.items():
        assert each["formula"]
        assert each["source"]
        assert each["level"] in ("-", "batch", "row", "token")
        assert yaml.safe_load(each["yaml"])["algorithm"] == PRESETS[name].algorithm


def test_the_list_names_every_preset():
    result = CliRunner().invoke(app, ["presets"])
    assert result.exit_code == 0
    assert all(name in result.stdout for name in PRESETS)


def test_presets_are_written_from_the_packaged_quickstart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["presets", "--write", "out"])
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [f"out/{name}.yaml" for name in PRESETS]
    values = yaml.safe_load(Path("out/luffy.yaml").read_text())
    assert values["trainer"] == yaml.safe_load(yaml_path().read_text())["trainer"]


def test_presets_are_written_from_a_given_base(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(yaml.safe_dump(BASE))
    result = CliRunner().invoke(app, ["presets", "--write", "out", "--base", "mine.yaml"])
    assert result.exit_code == 0
    text = Path("out/luffy.yaml").read_text()
    assert "# Made by:  trinity-chord presets --base mine.yaml --write out\n" in text
    assert yaml.safe_load(text)["algorithm"]["repeat_times"] == 4


@pytest.mark.parametrize("content", [None, "[1, 2]", "a: [", "\xff"])
def test_a_base_that_is_not_a_configuration_is_refused_and_nothing_is_written(tmp_path, content):
    base, out = tmp_path / "base.yaml", tmp_path / "out"
    if content is not None:
        base.write_bytes(content.encode("latin-1"))
    result = CliRunner().invoke(app, ["presets", "--base", str(base), "--write", str(out)])
    assert result.exit_code == 2
    assert str(base) in result.stderr
    assert not out.exists()


def test_a_base_without_a_folder_is_refused():
    result = CliRunner().invoke(app, ["presets", "--base", "mine.yaml"])
    assert result.exit_code == 2
    assert "--base needs --write" in result.stderr
