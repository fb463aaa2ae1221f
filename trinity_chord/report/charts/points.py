"""The points that charts are drawn from: thinned, rounded, and with a gap for each NaN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trinity_chord.report.reading.metrics import Series

# A curve has at most so many points: more are not seen, and make the page slow.
MOST_POINTS = 1000
MOST_COLUMNS = 150
# The points of a shorter series are marked.
FEW = 6
DIGITS = 6
HISTOGRAM = "actor/expert/prob_hist/"


@dataclass(frozen=True)
class Points:
    """A curve.

    Attributes:
        steps: The steps, rising; the first one of those that were averaged.
        values: The values; None if none of them is a finite number.
    """

    steps: list[int]
    values: list[float | None]

    def rows(self, **same: Any) -> list[dict[str, Any]]:
        """Return one row per point for a chart, with further fields that all have."""
        few = len(self.steps) <= FEW
        return [
            {**same, "step": step, "value": value, "few": few}
            for step, value in zip(self.steps, self.values, strict=True)
        ]


@dataclass(frozen=True)
class Histogram:
    """The shares of expert tokens in the bins of p, over the steps.

    Attributes:
        edges: The first step of each column, and the end of the last one.
        shares: For each column, the share in each bin, from p = 0 to p = 1.
    """

    edges: list[int]
    shares: list[list[float]]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per cell for a chart."""
        return [
            {
                "step": self.edges[column],
                "end": self.edges[column + 1],
                "low": number / len(shares),
                "high": (number + 1) / len(shares),
                "share": share,
            }
            for column, shares in enumerate(self.shares)
            for number, share in enumerate(shares)
        ]


def points_of(series: Series, most: int = MOST_POINTS) -> Points:
    """Return the points of a series, thinned by averaging neighbors."""
    steps = sorted(series)
    size = max(math.ceil(len(steps) / most), 1)
    parts = [steps[start : start + size] for start in range(0, len(steps), size)]
    return Points([part[0] for part in parts], [_mean([series[s] for s in part]) for part in parts])


def histogram_of(metrics: Mapping[str, Series], most: int = MOST_COLUMNS) -> Histogram | None:
    """Return the histogram of a run, None if it has none.

    Args:
        metrics: The metrics of the run.
        most: The largest number of columns; neighboring steps are averaged.
    """
    bins = [metrics[name] for name in sorted(metrics) if name.startswith(HISTOGRAM)]
    if not bins:
        return None
    # A step without expert tokens has no histogram: all its shares are 0.
    steps = sorted(step for step in bins[0] if sum(of_bin.get(step, 0.0) for of_bin in bins) > 0.5)
    if not steps:
        return None
    size = max(math.ceil(len(steps) / most), 1)
    parts = [steps[start : start + size] for start in range(0, len(steps), size)]
    shares = [[_mean([b.get(s, 0.0) for s in part]) or 0.0 for b in bins] for part in parts]
    return Histogram([*(part[0] for part in parts), steps[-1] + 1], shares)


def _mean(values: list[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return _rounded(sum(finite) / len(finite)) if finite else None


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
