"""The table at the top of the page, and the notes on what is missing or unusual."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from trinity_chord.report.charts.panels import PANELS, STEP_SECONDS, Panel, held_out_curves
from trinity_chord.report.charts.points import MOST_POINTS
from trinity_chord.report.ends import WINDOW, first_and_last
from trinity_chord.report.health import warnings_of
from trinity_chord.report.reading.metrics import Series
from trinity_chord.report.reading.runs import Run
from trinity_chord.report.text import number_text

ABOUT = (
    f"Held-out scores are the first and the last one; other pairs are means over the first and the "
    f"last {WINDOW} steps. The time is the median from the end of a step to that of the next."
)
_CURVES = {panel.key: panel.curves[0] for panel in PANELS if panel.curves}
COLUMNS = (
    ("reward", _CURVES["reward"]),
    ("entropy", _CURVES["entropy"]),
    ("length", _CURVES["length"]),
    ("μ", _CURVES["mu"]),
)


@dataclass(frozen=True)
class Cell:
    """A cell: a last value, and a first one if both are known."""

    last: str
    first: str | None = None


@dataclass(frozen=True)
class Row:
    """A run and its cells."""

    label: str
    cells: list[Cell]


@dataclass(frozen=True)
class Summary:
    """The table.

    Attributes:
        headings: The headings of the cells.
        rows: One row per run.
        about: What the numbers are.
    """

    headings: list[str]
    rows: list[Row]
    about: str = ABOUT


def summarize(runs: Sequence[Run]) -> Summary:
    """Return the table of the runs; a column that no run has is left out."""
    names = {name for run in runs for name in run.reading.metrics}
    held_out = held_out_curves(names)[:1]
    columns = [(f"held-out {curve.label}", curve, 1) for curve in held_out]
    columns += [(heading, curve, WINDOW) for heading, curve in COLUMNS]
    columns = [each for each in columns if any(run.series(each[1]) for run in runs)]
    headings = ["steps", *(heading for heading, _, _ in columns), "s per step"]
    rows = [
        Row(
            run.label,
            [
                Cell(f"{max(run.reading.steps())}"),
                *(_first_and_last(run.series(curve), window) for _, curve, window in columns),
                Cell(_typical(run.reading.metrics.get(STEP_SECONDS, {}))),
            ],
        )
        for run in runs
    ]
    return Summary(headings, rows)


def notes_of(runs: Sequence[Run], panels: Sequence[Panel], problems: Sequence[str]) -> list[str]:
    """Return what a reader should know before trusting the page.

    Args:
        runs: The runs of the page.
        panels: All panels.
        problems: What could not be read.
    """
    notes = list(problems)
    for run in runs:
        notes += [f"{run.label}: {text}" for text in _notes_of_run(run)]
    for panel in panels:
        notes += _incomplete(panel, runs)
    empty = [p.title for p in panels if not any(run.series(c) for run in runs for c in p.curves)]
    if empty:
        notes.append(f"Not recorded by any run: {'; '.join(empty)}.")
    return notes


def _incomplete(panel: Panel, runs: Sequence[Run]) -> list[str]:
    """Return which runs lack curves that others have, one text per set of curves."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    present = [curve for curve in panel.curves if any(run.series(curve) for run in runs)]
    for run in runs:
        without = tuple(curve.label for curve in present if not run.series(curve))
        lacking.setdefault(without, []).append(run.label)
    lacking.pop((), None)
    return [
        f"{', '.join(labels)}: no values of “{panel.title}”"
        + ("" if len(curves) == len(present) else f", {', '.join(curves)}")
        for curves, labels in lacking.items()
    ]


def _notes_of_run(run: Run) -> list[str]:
    reading, notes = run.reading, list(run.reading.notes)
    last = max(reading.steps())
    planned = (run.settings or {}).get("trainer.total_steps")
    if isinstance(planned, int) and last < planned:
        notes.append(f"{last} of {planned} steps so far")
    if run.settings is None:
        notes.append(
            f"its configuration is not in its {reading.source} files, so it is not compared"
        )
    bad = {
        name: [step for step, value in sorted(series.items()) if not math.isfinite(value)]
        for name, series in reading.metrics.items()
    }
    limit = (run.settings or {}).get("model.max_response_tokens")
    warnings = warnings_of(reading.metrics, limit if isinstance(limit, int) else None)
    notes += [str(warning) for warning in warnings]
    shown = {metric for panel in PANELS for curve in panel.curves for metric in curve.metrics}
    notes += [
        f"`{name}` is not a finite number at {len(steps)} steps, from step {steps[0]} on"
        for name, steps in bad.items()
        if steps and name in shown
    ]
    if len(reading.steps()) > MOST_POINTS:
        notes.append(
            f"{len(reading.steps()):,} steps: neighboring steps are averaged to at most "
            f"{MOST_POINTS:,} points per curve; `--csv` writes all of them"
        )
    return notes


def _first_and_last(series: Series, window: int) -> Cell:
    first, last = first_and_last(series, window)
    return Cell(last, first)


def _typical(series: Series) -> str:
    return number_text(median(series.values())) if series else "–"
