"""The runs of a report: their labels, groups of seeds, and the metrics computed from others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from trinity_chord.report.charts.panels import (
    EXPERT_ROW_SHARE,
    EXPERT_TOKEN_SHARE,
    STEP_SECONDS,
    Curve,
)
from trinity_chord.report.errors import ReportError
from trinity_chord.report.reading.find import Found, find_runs, unique_labels
from trinity_chord.report.reading.metrics import Reading, Series
from trinity_chord.report.settings import Settings, flatten, groups

OPEN_EXPERT_ROWS = "actor/expert/open_rows"
MEANS_OVER_EXPERTS = tuple(
    f"actor/expert/{name}" for name in ("loss", "nll", "prob", "weight", "row_weight", "entropy")
)
HINT = "A run shows its first metrics after one training step."


@dataclass(frozen=True)
class Run:
    """A run as the page shows it.

    Attributes:
        label: A name that no other run of the page has.
        group: The number of its group; runs of a group differ by seeds only.
        found: Its files.
        reading: Its metrics, including the computed ones.
        settings: Its configuration by dotted keys; None if it is not known.
    """

    label: str
    group: int
    found: Found
    reading: Reading
    settings: Settings | None

    def series(self, curve: Curve) -> Series:
        """Return the values of a curve; none if the run has no metric of it."""
        metrics = self.reading.metrics
        return next((metrics[name] for name in curve.metrics if name in metrics), {})


def read_runs(arguments: Sequence[str]) -> tuple[list[Run], list[str]]:
    """Read the runs that the arguments of the command name.

    Returns:
        The runs that have metrics, and one text for everything that could not be read.

    Raises:
        ReportError: No run has metrics; the message says why for each argument.
    """
    found, problems = find_runs(arguments)
    readings = [each.read() for each in found]
    for each, reading in zip(found, readings, strict=True):
        if not reading.metrics:
            details = "".join(f"; {note}" for note in reading.notes)
            problems.append(f"{each.path()}: has no metrics{details}")
    usable = [pair for pair in zip(found, readings, strict=True) if pair[1].metrics]
    if not usable:
        raise ReportError.from_problems("nothing to report", problems, HINT)
    settings = [None if r.config is None else flatten(r.config) for _, r in usable]
    labels, numbers = unique_labels([each for each, _ in usable]), groups(settings)
    for _, reading in usable:
        add_computed(reading)
    return [
        Run(label, number, *pair, flat)
        for label, number, pair, flat in zip(labels, numbers, usable, settings, strict=True)
    ], problems


def add_computed(reading: Reading) -> None:
    """Add the shares of expert data and the seconds between the ends of two steps.

    A step without expert rows has sums of 0 instead of means over them; these are removed.
    """
    metrics = reading.metrics
    for name, unit in ((EXPERT_TOKEN_SHARE, "tokens"), (EXPERT_ROW_SHARE, "open_rows")):
        expert, usual = (metrics.get(f"actor/{kind}/{unit}", {}) for kind in ("expert", "usual"))
        share = {
            step: expert[step] / (expert[step] + usual[step])
            for step in expert.keys() & usual.keys()
            if expert[step] + usual[step]
        }
        if share:
            metrics[name] = share
    without = {step for step, rows in metrics.get(OPEN_EXPERT_ROWS, {}).items() if not rows}
    for name in [each for each in metrics if each.startswith(MEANS_OVER_EXPERTS)]:
        kept = {step: value for step, value in metrics.pop(name).items() if step not in without}
        if kept:
            metrics[name] = kept
    times = sorted(reading.times.items())
    seconds = {b: t - s for (a, s), (b, t) in pairwise(times) if b == a + 1 and t >= s}
    if seconds:
        metrics[STEP_SECONDS] = seconds


def group_labels(runs: Sequence[Run]) -> list[str]:
    """Return the label of each group: what the labels of its runs begin with."""
    labels: list[str] = []
    for number in range(max(run.group for run in runs) + 1):
        names = [run.label for run in runs if run.group == number]
        same = sum(1 for letters in takewhile(_equal, zip(*names, strict=False)))
        start = re.sub(r"[\W_]*(seed)?[\W_]*$", "", names[0][:same])
        label = names[0] if len(names) == 1 else f"{start or names[0]}, {len(names)} seeds"
        labels.append(label if label not in labels else f"{label} ({number + 1})")
    return labels


def _equal(letters: tuple[str, ...]) -> bool:
    return len(set(letters)) == 1
