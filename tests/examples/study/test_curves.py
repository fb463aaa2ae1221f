"""The study's loop learns as `trinity run` does: 60 steps on the same task from the same start.

Orders of prompts and samples differ, so the curves can only agree within the noise of seeds.
"""

import statistics
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from scipy.stats import t

from examples.study.cells import Cell
from examples.study.loop import train
from tests.e2e.runs import Run
from tests.examples.study.trinity_task import write_folder

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.long]

SEEDS, WINDOW, LEVEL = (0, 1, 2, 3), 20, 0.99
CELLS = {
    "grpo_and_sft": Cell("test", "chain", "mu_0.3", 0, 3, rate=1e-4, decay=False),
    "chord_phi": Cell("test", "chain", "chord_phi", 0, 3, rate=1e-4, decay=False, value=0.9),
}


def rewards_of_loop(cell):
    """Return the mean rewards of windows of steps, by `examples.study.loop`."""
    points = train(cell, torch.device("cpu"))["curve"][1:]
    per_window = WINDOW // (points[1]["step"] - points[0]["step"])
    rewards = [point["reward"] for point in points]
    return [
        statistics.mean(rewards[i : i + per_window]) for i in range(0, len(rewards), per_window)
    ]


def rewards_of_trinity(cell, folder):
    """Return the mean rewards of windows of steps, by `trinity run`."""
    run = Run(folder, write_folder(cell, folder))
    run.env["PYTHONPATH"] = str(Path(__file__).parents[3])
    finished = run.finish(1200)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    rewards = [row["actor/usual/reward"] for row in run.history()]
    assert len(rewards) == cell.steps
    return [statistics.mean(rewards[i : i + WINDOW]) for i in range(0, cell.steps, WINDOW)]


@pytest.mark.parametrize("name", CELLS)
def test_the_rewards_agree_with_trinity_run_within_the_noise_of_seeds(name, tmp_path):
    cell = CELLS[name]
    loops = [rewards_of_loop(replace(cell, seed=seed)) for seed in SEEDS]
    found = rewards_of_trinity(cell, tmp_path)
    print(name, [[round(r, 3) for r in each] for each in loops], [round(r, 3) for r in found])
    for window, value in enumerate(found):
        of_seeds = [each[window] for each in loops]
        mean, spread = statistics.mean(of_seeds), statistics.stdev(of_seeds)
        reach = t.ppf(0.5 + LEVEL / 2, len(SEEDS) - 1) * spread * (1 + 1 / len(SEEDS)) ** 0.5
        assert abs(value - mean) <= reach
