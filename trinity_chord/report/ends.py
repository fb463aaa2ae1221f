"""The first and the last value of a metric, as text."""

from __future__ import annotations

import math
from statistics import fmean

from trinity_chord.report.reading.metrics import Series
from trinity_chord.report.text import number_text

# The first and the last value of a noisy metric are means over so many steps.
WINDOW = 5


def first_and_last(series: Series, window: int) -> tuple[str | None, str]:
    """Return the mean of the first and of the last values of a metric.

    Args:
        series: The values by step; those that are not finite are left out.
        window: Values that are averaged; one if there are fewer than twice as many.

    Returns:
        The first one, None if there is only one value, and the last one, a dash if there is none.
    """
    values = [series[step] for step in sorted(series) if math.isfinite(series[step])]
    if not values:
        return None, "–"
    if len(values) < 2 * window:
        window = 1
    last = number_text(fmean(values[-window:]))
    return (number_text(fmean(values[:window])) if len(values) > 1 else None), last
