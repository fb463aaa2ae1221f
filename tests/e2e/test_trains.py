"""`trinity-chord run` trains a YAML of `mix_chord`, and reports a run that stopped early."""

from pathlib import Path

import pytest

from tests.e2e.runs import CONFIGS, Run, make_folder, small

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


def test_the_keys_of_mix_chord_train_unchanged(tmp_path):
    run = Run(make_folder(tmp_path), Path(__file__).with_name("mix_chord.yaml"), *small(steps=2))
    finished = run.finish()
    assert finished.returncode == 0, finished.stdout + finished.stderr
    for row in run.history():
        assert (row["actor/usual/rows"], row["actor/expert/rows"]) == (256, 64)
        assert row["actor/mu"] == pytest.approx(row["step"] / 200 * 0.5)
        assert row["actor/grad_norm"] > 0
    assert len(run.history()) == 2
    # Four of the six numbers are correct; there is one trainer rank, not four.
    assert "`algorithm.policy_loss_fn_args.ngpus_trainer`: got 4, but it is 1" in finished.stdout


def test_a_run_that_stops_early_is_reported_although_trinity_exits_with_0(tmp_path):
    run = Run(
        make_folder(tmp_path),
        CONFIGS / "quickstart_cpu.yaml",
        *small(steps=6),
        "algorithm.sample_strategy_args={expert_rows: 4, expert_at_end: error}",
        "algorithm.repeat_times=2",
        "buffer.batch_size=2",
    )
    finished = run.finish()
    assert finished.returncode == 3, finished.stdout + finished.stderr
    # 10 demonstrations make 2 batches of 4.
    assert "2 of 6 steps done" in finished.stdout
    assert "expert_at_end" in finished.stdout or "at_end" in finished.stdout
    assert len(run.history()) == 2
