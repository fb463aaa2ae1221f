"""The model card next to an exported model holds what the run recorded, and nothing private."""

import re

import pytest
import yaml

from tests.report.run_folder import make_run
from trinity_chord.report.model_card import write_cards
from trinity_chord.report.recorder import append_metrics, metrics_file

CONFIG = {
    "model": {"model_path": "Qwen/Qwen2.5-7B-Instruct", "lora_configs": None},
    "algorithm": {
        "algorithm_type": "trinity_chord.CHORDPhiAlgorithm",
        "policy_loss_fn_args": {"token_weight": "phi", "row_weight": "all"},
        "sample_strategy_args": {
            "mu_schedule": "constant",
            "mu_schedule_args": {"value": 0.1},
            "on_policy_rows": 64,
        },
    },
    "buffer": {
        "explorer_input": {"tasksets": [{"path": "/home/someone/data/problems"}]},
        "trainer_input": {
            "auxiliary_buffers": {"sft": {"path": "org/answers", "api_key": "s3cret"}}
        },
    },
}


@pytest.fixture
def job(tmp_path):
    """A run of 20 steps that exported a model at steps 10 and 20."""
    made = make_run(tmp_path, config=CONFIG)
    for step in (10, 20):
        export(made, step)
    for step, score in ((0, 0.25), (20, 0.75)):
        append_metrics(
            metrics_file(made, "evaluation"), step, {"eval/held_out/accuracy/mean": score}
        )
    return made


def export(job, step, part="huggingface"):
    folder = job / f"global_step_{step}" / "actor" / part
    folder.mkdir(parents=True)
    (folder / "model.safetensors").touch()
    return folder


def card(job, step, part="huggingface"):
    return (job / f"global_step_{step}" / "actor" / part / "README.md").read_text()


def rows(text):
    found = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)
    return {cells[0].strip("`"): cells[1:] for row in found if (cells := row.split(" | "))}


def test_every_exported_model_gets_a_card(job):
    assert len(write_cards(job, "trainer")) == 2
    assert "# `run`, step 10" in card(job, 10)
    assert "# `run`, step 20" in card(job, 20)


def test_the_metadata_is_what_the_hub_reads(job):
    write_cards(job, "trainer")
    metadata = yaml.safe_load(card(job, 20).split("---")[1])
    assert metadata["base_model"] == "Qwen/Qwen2.5-7B-Instruct"
    assert metadata["library_name"] == "transformers"
    assert "license" not in metadata


def test_a_base_model_in_a_folder_is_not_said_to_be_on_the_hub(tmp_path):
    config = {**CONFIG, "model": {"model_path": "/home/someone/models/base"}}
    made = make_run(tmp_path, config=config)
    export(made, 20)
    write_cards(made, "trainer")
    assert "base_model" not in yaml.safe_load(card(made, 20).split("---")[1])
    assert "`base` after 20" in card(made, 20)


def test_the_settings_are_those_of_the_run(job):
    write_cards(job, "trainer")
    found = rows(card(job, 20))
    assert found["algorithm"] == ["`trinity_chord.CHORDPhiAlgorithm`"]
    assert found["arguments of μ"] == ["`value = 0.1`"]
    assert found["token weight"] == ["`phi`"]


def test_metrics_end_at_the_step_of_the_model(job):
    write_cards(job, "trainer")
    # The reward of step n is 0.02·n: means over the first and the last 5 steps.
    assert rows(card(job, 20))["actor/usual/reward"] == ["0.06", "0.36"]
    assert rows(card(job, 10))["actor/usual/reward"] == ["0.06", "0.16"]
    assert rows(card(job, 20))["eval/held_out/accuracy/mean"] == ["0.25", "0.75"]


def test_nothing_private_is_in_the_card(job):
    write_cards(job, "trainer")
    assert "someone" not in card(job, 20)
    assert "s3cret" not in card(job, 20)
    assert "`problems`" in card(job, 20)
    assert "`org/answers`" in card(job, 20)


def test_a_lora_adapter_is_loaded_by_peft(job):
    export(job, 30, "lora_adapter")
    write_cards(job, "trainer")
    assert "library_name: peft" in card(job, 30, "lora_adapter")


def test_a_card_is_renewed_but_a_users_readme_is_left_alone(job):
    write_cards(job, "trainer")
    readme = job / "global_step_20" / "actor" / "huggingface" / "README.md"
    readme.write_text("mine")
    assert [path.parents[2].name for path in write_cards(job, "trainer")] == ["global_step_10"]
    assert readme.read_text() == "mine"


def test_text_of_a_setting_stays_text(tmp_path):
    made = make_run(tmp_path, name="<script>`|x", config=CONFIG)
    export(made, 20)
    write_cards(made, "trainer")
    assert "# `<script>'/x`, step 20" in card(made, 20)


def test_a_folder_without_a_recorded_run_is_left_alone(tmp_path):
    export(tmp_path, 5)
    assert write_cards(tmp_path, "trainer") == []
