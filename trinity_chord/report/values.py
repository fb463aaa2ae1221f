"""Writes every value of some runs into one file."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from trinity_chord.report.reading.runs import Run

HEADING = ("run", "metric", "step", "value")
# A spreadsheet would run a cell that starts with one of these as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(runs: Sequence[Run], path: Path) -> Path:
    """Write each value of each metric in a line of its own; the folder is created if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADING)
        for run in runs:
            label = f"'{run.label}" if run.label.startswith(FORMULA) else run.label
            for name, series in sorted(run.reading.metrics.items()):
                writer.writerows(
                    (label, name, step, repr(value) if math.isfinite(value) else "nan")
                    for step, value in sorted(series.items())
                )
    return path
