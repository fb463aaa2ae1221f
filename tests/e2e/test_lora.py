"""A preset trains a LoRA adapter with `trinity run`, stops, and resumes from its checkpoint.

The first run syncs weights by memory, the second by checkpoint; the trainer has two ranks.
"""

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tests.e2e.runs import CONFIGS, launch, make_folder
from trinity_chord.cpu import local_ray
from trinity_chord.evaluation.checkpoint import resolve_model
from trinity_chord.presets import PRESETS, apply, as_yaml
from trinity_chord.report.history import read_history
from trinity_chord.report.recorder import RECORDER

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.long]

FIRST, LAST = 2, 4
RANKS, EXPERT_ROWS = 2, 4


def write_config(folder, steps, sync_method):
    values = yaml.safe_load((CONFIGS / "quickstart_cpu.yaml").read_text())
    values["continue_from_checkpoint"] = True
    values["model"]["lora_configs"] = [{"name": "adapter", "lora_rank": 8, "lora_alpha": 16}]
    values["cluster"]["gpu_per_node"] = RANKS + 1
    values["buffer"] |= {"batch_size": 2, "total_steps": steps}
    values["trainer"] |= {"total_steps": steps, "save_interval": FIRST}
    values["algorithm"] |= {"repeat_times": 2, "optimizer": {"lr": 1e-2}}
    values["algorithm"]["sample_strategy_args"]["expert_rows"] = EXPERT_ROWS
    values["explorer"]["runner_per_model"] = 1
    values["synchronizer"]["sync_method"] = sync_method
    values["monitor"] = {"monitor_type": RECORDER, "monitor_args": {"inner": "tensorboard"}}
    path = folder / "lora.yaml"
    path.write_text(as_yaml(apply(PRESETS["chord_phi"], values)))
    return path


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """The job's folder after both runs."""
    folder = make_folder(tmp_path_factory.mktemp("lora"))
    with local_ray(num_gpus=RANKS + 1, num_cpus=32) as ray:
        for steps, sync_method in ((FIRST, "memory"), (LAST, "checkpoint")):
            config = write_config(folder, steps, sync_method)
            launch(config, **{**ray.env, "QUICKSTART_DIR": str(folder)})
    return folder / "checkpoints" / "trinity-chord" / "chord_phi"


@pytest.fixture(scope="module")
def base(job):
    model = AutoModelForCausalLM.from_pretrained(job.parents[2] / "base", dtype=torch.float32)
    return model.state_dict()


def test_both_runs_train(job):
    rows = read_history(job, "trainer")
    assert [row["step"] for row in rows] == list(range(1, LAST + 1))
    assert all(row["actor/grad_norm"] > 0 for row in rows)


def test_rollouts_come_from_the_trainers_adapter(job):
    for row in read_history(job, "trainer"):
        assert row["sample/model_version/min"] == row["step"] - 1
        assert abs(row["actor/usual/ppo_kl"]) < 1e-6


def test_expert_rows_resume_at_the_checkpoint(job):
    rows = {row["step"]: row["expert_data/rows_read"] for row in read_history(job, "trainer")}
    assert rows == {step: EXPERT_ROWS * step for step in range(1, LAST + 1)}


def adapter_at(job, step):
    return load_file(
        job / f"global_step_{step}" / "actor" / "lora_adapter" / "adapter_model.safetensors"
    )


def test_the_adapter_moves_on_after_the_checkpoint(job):
    first, last = adapter_at(job, FIRST), adapter_at(job, LAST)
    assert first.keys() == last.keys()
    assert len(last) == 28
    assert all(not last[name].equal(first[name]) for name in last)
    assert all(first[name].any() for name in first)


def test_a_checkpoint_is_evaluated_as_the_model_with_the_adapter_merged(job, base):
    merged = AutoModelForCausalLM.from_pretrained(
        resolve_model(str(job / f"global_step_{LAST}")), dtype=torch.float32
    ).state_dict()
    adapter, prefix = adapter_at(job, LAST), "base_model.model."
    for name, weight in base.items():
        module = prefix + name.removesuffix(".weight")
        if f"{module}.lora_A.weight" in adapter:
            a, b = (adapter[f"{module}.lora_{x}.weight"] for x in "AB")
            weight = weight + 16 / 8 * b @ a
        torch.testing.assert_close(merged[name], weight)
