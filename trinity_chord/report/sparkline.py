"""A curve as one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

BARS = "▁▂▃▄▅▆▇█"
GAP = "·"


def sparkline(values: Sequence[float], width: int) -> str:
    """Return a curve of at most ``width`` characters, from the lowest to the highest value.

    Args:
        values: The values in order. Neighboring ones are averaged if there are more than ``width``;
            one that is not a finite number is a gap.
        width: Number of characters, at least 1.
    """
    means = [_mean(part) for part in _parts(values, width)]
    finite = [mean for mean in means if mean is not None]
    if not finite:
        return GAP * len(means)
    low, high = min(finite), max(finite)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(GAP if mean is None else BARS[round((mean - low) * scale)] for mean in means)


def _parts(values: Sequence[float], width: int) -> list[Sequence[float]]:
    """Return at most ``width`` parts of about equal length."""
    count = min(len(values), width)
    edges = [round(number * len(values) / count) for number in range(count + 1)] if count else [0]
    return [values[start:end] for start, end in pairwise(edges)]


def _mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return fmean(finite) if finite else None
