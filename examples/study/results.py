"""The results of the study, and what the page asks of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from examples.study.cells import Cell
from examples.study.grid import PARTS, missing
from examples.study.statistics import mean_and_spread

FOLDER = Path(__file__).parent / "results"
Run = dict[str, Any]
Score = Callable[[Run], float]
DEFAULTS = {each.name: each.default for each in fields(Cell)}
# What a cell of the main grid has, where a question does not ask for something else.
USUAL = {
    name: DEFAULTS[name] for name in ("start", "experts", "expert", "updates", "scaling", "size")
}


def load(part: str, folder: Path = FOLDER) -> list[Run]:
    """Read the runs of a part; none if there is no file."""
    path = folder / f"{part}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


class Results:
    """The runs of every part but the tuning.

    Raises:
        ValueError: Runs of the grid are missing.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        found = {part: load(part, folder) for part in PARTS}
        left = {part: len(missing(cells(), found[part])) for part, cells in PARTS.items()}
        if any(left.values()):
            raise ValueError(f"missing runs: {left}; run `make study`")
        self.runs = [run for runs in found.values() for run in runs]

    def select(self, method: str, tasks: Sequence[str], **wanted: Any) -> list[Run]:
        """Return the runs of a method on some tasks.

        Args:
            method: The method.
            tasks: The tasks.
            **wanted: Fields of the cells; others are those of the main grid.

        Raises:
            ValueError: There is none.
        """
        wanted = {"part": "main", **USUAL, **wanted, "method": method}
        found = [
            run
            for run in self.runs
            if run["cell"]["task"] in tasks
            and all(run["cell"][name] == value for name, value in wanted.items())
        ]
        if not found:
            raise ValueError(f"no run of {wanted} on {tasks}")
        return found


def test(run: Run) -> float:
    """Return the accuracy on test problems, one sampled answer each."""
    return float(run["test"])


def far(run: Run) -> float:
    """Return the accuracy on the harder problems that are out of range."""
    return float(run["far"])


def greedy(run: Run) -> float:
    """Return the accuracy of the most probable answers to the test problems."""
    return float(run["test_greedy"])


def last(name: str) -> Score:
    """Return a figure at the end of the curve."""
    return lambda run: float(run["curve"][-1][name])


def at(step: int, name: str = "accuracy") -> Score:
    """Return a figure of the curve at a step."""
    return lambda run: next(float(p[name]) for p in run["curve"] if p["step"] == step)


def lowest(name: str) -> Score:
    """Return the lowest value of a figure on the curve."""
    return lambda run: min(float(point[name]) for point in run["curve"])


def seconds(run: Run) -> float:
    """Return the CPU seconds of a run."""
    return float(run["seconds"])


def change(name: str) -> Score:
    """Return how much a figure changed from the start to the end of the curve."""
    return lambda run: float(run["curve"][-1][name]) - float(run["curve"][0][name])


def mean_over_tasks(runs: Sequence[Run], score: Score) -> float:
    """Return the mean over tasks of the mean over seeds."""
    tasks = sorted({run["cell"]["task"] for run in runs})
    means = [mean_and_spread([score(r) for r in runs if r["cell"]["task"] == t])[0] for t in tasks]
    return mean_and_spread(means)[0]
