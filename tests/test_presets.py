"""The table of presets and the configurations made from it."""

import json
from pathlib import Path

import yaml
from typer.testing import CliRunner

from trinity_chord.cli import app
from trinity_chord.presets import PRESETS, apply, write

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


def test_the_configurations_are_up_to_date(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    made = write(Path("configs/quickstart_cpu.yaml"), tmp_path / "presets")
    assert sorted(path.name for path in made) == sorted(path.name for path in FOLDER.iterdir())
    for path in made:
        text = path.read_text().replace(str(tmp_path), "configs")
        assert text == (FOLDER / path.name).read_text()


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


def test_the_list_tells_of_each_preset_its_yaml():
    result = CliRunner().invoke(app, ["presets", "--json"])
    listed = {each["name"]: each for each in json.loads(result.stdout)}
    assert set(listed) == set(PRESETS)
    for name, each in listed.items():
        assert each["formula"]
        assert each["source"]
        assert each["level"] in ("-", "batch", "row", "token")
        assert yaml.safe_load(each["yaml"])["algorithm"] == PRESETS[name].algorithm


def test_the_list_can_be_read():
    result = CliRunner().invoke(app, ["presets"])
    assert result.exit_code == 0
    assert all(name in result.stdout for name in PRESETS)


def test_a_folder_without_a_base_is_refused(tmp_path):
    result = CliRunner().invoke(app, ["presets", "--write", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()
