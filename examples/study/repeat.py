"""Repeat one run of the study and compare: ``python -m examples.study.repeat chain chord_phi``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from examples.study.cells import Cell
from examples.study.grid import PARTS
from examples.study.methods import METHODS
from examples.study.registry import TASKS
from examples.study.results import load
from examples.study.run import train_cell

FIGURES = ("test", "test_greedy", "far")


def find(part: str, task: str, method: str, seed: int) -> tuple[Cell, Mapping[str, Any] | None]:
    """Return the first such cell of a part, and its result if there is one."""
    wanted = (task, method, seed)
    cell = next((c for c in PARTS[part]() if (c.task, c.method, c.seed) == wanted), None)
    if cell is None:
        raise SystemExit(f"the part {part!r} has no run of {method} on {task} with seed {seed}")
    found = (run for run in load(part) if Cell(**run["cell"]) == cell)
    return cell, next(found, None)


def main() -> None:
    """Train one cell and print its figures next to the committed ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", choices=PARTS, default="main")
    args = parser.parse_args()
    cell, committed = find(args.part, args.task, args.method, args.seed)
    result = train_cell(cell)
    print(f"{'step':>12} {'accuracy':>9} {'committed':>9}")
    for i, point in enumerate(result["curve"]):
        before = committed["curve"][i]["accuracy"] if committed else float("nan")
        print(f"{point['step']:>12} {point['accuracy']:>9.4f} {before:>9.4f}")
    for name in FIGURES:
        before = committed[name] if committed else float("nan")
        print(f"{name:>12} {result[name]:>9.4f} {before:>9.4f}")


if __name__ == "__main__":
    main()
