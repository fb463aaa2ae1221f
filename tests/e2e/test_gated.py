"""A run with pairing and a gate: rollouts tell their tasks through Trinity's own buffer."""

import pytest

from tests.e2e.runs import CONFIGS, Run, make_folder, small

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


def test_a_paired_and_gated_run_draws_each_prompts_row(tmp_path):
    run = Run(
        make_folder(tmp_path),
        CONFIGS / "quickstart_cpu.yaml",
        *small(steps=6),
        "algorithm.sample_strategy_args="
        "{expert_rows: 2, expert_pairing: task_index, unpaired: skip, gate: hpt}",
        "algorithm.repeat_times=2",
        "buffer.batch_size=2",
    )
    finished = run.finish()
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "found 10 of 64 tasks with an expert row that fits" in finished.stdout + finished.stderr
    rows = run.history()
    assert len(rows) == 6
    # Tasks come in order, 2 a step: the 10 demonstrations are paired in the first 5 steps. The
    # random model solves nothing, so that the gate opens every prompt to its demonstration.
    assert [row["expert_data/pairs_read"] for row in rows] == [2, 4, 6, 8, 10, 10]
    assert [row["actor/expert/open_rows"] for row in rows] == [2, 2, 2, 2, 2, 0]
    assert [row["actor/usual/open_rows"] for row in rows] == [0, 0, 0, 0, 0, 4]
    assert {row["gate/open_share"] for row in rows} == {1.0}
    assert all(row["actor/grad_norm"] > 0 for row in rows[:5])
