"""`trinity run`, Trinity's own algorithms, no GPU: explorer, trainer and weight sync."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.cpu import tiny
from tests.tiny_model import make_model_folder
from trinity_chord.cpu import local_ray

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.long]

STEPS = 4
MIX_CHORD = {
    "algorithm_type": "cpu_job.CpuMixChord",
    "sample_strategy_args": {"expert_data_ratio": 0.5, "sft_dataset_name": "sft_dataset"},
    "policy_loss_fn_args": {
        "mu_warmup_steps": 0,
        "mu_decay_steps": 4,
        "mu_peak": 0.5,
        "mu_valley": 0.1,
        "enable_phi_function": True,
        "clip_range": 0.2,
        "use_dynamic_bsz": True,
        "ppo_mini_batch_size": 16,
        "ppo_micro_batch_size_per_gpu": 4,
        "ngpus_trainer": 2,
        "train_batch_size_usual": 8,
        "train_batch_size_expert": 8,
    },
}


def trainer_metrics(log: str) -> list[dict[str, float]]:
    """Read what the trainer has logged, step by step."""
    return [
        ast.literal_eval(line)
        for line in re.findall(r"Step \d+: (\{.*\})", log)
        if "actor/grad_norm" in line
    ]


def test_trinity_trains(tmp_path, monkeypatch):
    # One GPU is the explorer's, the others the trainer's. The default, nccl, becomes memory.
    gpus, sync_method = 3, "nccl"
    make_model_folder(tmp_path / "model")
    tiny.make_data(tmp_path / "data")
    config = tiny.write_config(
        tmp_path, algorithm=MIX_CHORD, gpus=gpus, sync_method=sync_method, steps=STEPS
    )
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with local_ray(num_gpus=gpus, num_cpus=16) as ray:
        done = subprocess.run(
            [Path(sys.executable).with_name("trinity"), "run", "--config", config],
            env={**ray.env, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
    assert done.returncode == 0, done.stdout[-8000:]
    assert "Traceback" not in done.stdout, done.stdout[-8000:]

    (log,) = tmp_path.glob("checkpoints/**/log/trainer.log")
    metrics = trainer_metrics(log.read_text())
    assert len(metrics) == STEPS
    # Rollouts come from the latest weights: their log-probabilities are those of the trainer.
    assert [step["sample/model_version/min"] for step in metrics] == list(range(STEPS))
    divergences = [value for step in metrics for key, value in step.items() if "ppo_kl" in key]
    assert len(divergences) == STEPS
    assert all(abs(value) < 1e-6 for value in divergences)
    assert all(step["actor/grad_norm"] > 0 for step in metrics)

    (trained,) = tmp_path.glob(f"checkpoints/**/global_step_{STEPS}/actor/huggingface")
    before = load_file(tmp_path / "model" / "model.safetensors")
    after = load_file(trained / "model.safetensors")
    assert before.keys() == after.keys()
    assert any(not before[key].equal(after[key].float()) for key in before)
