"""CHORD-φ trains through `trinity run`: rollouts from vLLM, the trainer on the CPU."""

import pytest

from tests.e2e.runs import CONFIGS, Run, small
from tests.vllm import taught
from trinity_chord.quickstart.data import write_data

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.e2e]

STEPS = 5
TIMEOUT = 1500  # vLLM alone takes a minute to start.


@pytest.fixture(scope="module", params=["memory", "checkpoint"])
def finished(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_data(folder / "data", seed=0, n_tasks=64, n_demonstrations=32)
    texts = [path.read_text() for path in (folder / "data").rglob("*.jsonl")]
    tokenizer = taught.make_tokenizer(texts, folder / "base")
    taught.make_model(tokenizer).save_pretrained(folder / "base")
    run = Run(
        folder,
        CONFIGS / "quickstart_cpu.yaml",
        *small(steps=STEPS),
        "algorithm.algorithm_type=trinity_chord.CHORDPhiAlgorithm",
        "algorithm.optimizer.lr=1.0e-3",
        "explorer.rollout_model.engine_type=vllm",
        f"synchronizer.sync_method={request.param}",
    )
    return run, run.finish(timeout=TIMEOUT)


def test_every_step_is_done(finished):
    run, done = finished
    assert done.returncode == 0, done.stdout + done.stderr
    assert [row["step"] for row in run.history()] == list(range(1, STEPS + 1))
    assert all(row["actor/grad_norm"] > 0 for row in run.history())


def test_rollouts_come_from_the_latest_weights(finished):
    run, _ = finished
    for key in ("sample/model_version/min", "sample/model_version/max"):
        assert [row[key] for row in run.history()] == list(range(STEPS))


def test_rollouts_have_the_log_probabilities_of_the_trainer(finished):
    run, _ = finished
    assert max(abs(row["actor/usual/ppo_kl"]) for row in run.history()) < 1e-6


def test_the_rollouts_were_those_of_vllm(finished):
    _, done = finished
    assert "rollout_model.enforce_eager: False -> True" in done.stdout + done.stderr
