"""Paired comparisons over seeds: an effect and its interval, corrected for their number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import bootstrap

LEVEL, RESAMPLES, SEED = 0.95, 10_000, 0
Result = Mapping[str, Any]


@dataclass(frozen=True)
class Effect:
    """A mean difference between two arms.

    Attributes:
        mean: The mean over tasks of the mean over seeds, in percentage points by default.
        low: The lower end of the interval.
        high: The upper end.
        pairs: The number of pairs.
    """

    mean: float
    low: float
    high: float
    pairs: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"{self.mean:+.1f} [{self.low:+.1f}, {self.high:+.1f}]"


def paired_effect(
    first: Iterable[Result],
    second: Iterable[Result],
    score: Callable[[Result], float],
    comparisons: int,
    scale: float = 100.0,
) -> Effect:
    """Compare two arms that share tasks and training seeds.

    The interval is a percentile bootstrap that resamples the seeds of each task, at a level of
    1 - 0.05 / comparisons (Bonferroni), so that all intervals of a family hold together with 95 %.
    With n seeds, the differences of a task are first stretched about their mean by √(n / (n-1)):
    the spread of a resample is too small by that factor, which matters with five seeds.

    Args:
        first: The results of the arm of interest.
        second: Those of the arm that it is compared with.
        score: What is compared.
        comparisons: The number of comparisons of the family.
        scale: Multiplies the difference; 100 gives percentage points of a share.

    Raises:
        ValueError: A run of one arm has no partner in the other, or a task has one seed only.
    """
    left, right = ({_pair(r): score(r) for r in arm} for arm in (first, second))
    if left.keys() != right.keys() or not left:
        raise ValueError(f"runs without a partner: {sorted(left.keys() ^ right.keys())}")
    tasks = sorted({task for task, _ in left})
    if lonely := [task for task in tasks if sum(pair[0] == task for pair in left) == 1]:
        raise ValueError(f"one seed only: {lonely}")
    differences = [
        _stretched([scale * (left[pair] - right[pair]) for pair in sorted(left) if pair[0] == task])
        for task in tasks
    ]
    found = bootstrap(
        differences,
        lambda *parts, axis: np.mean([np.mean(part, axis=axis) for part in parts], axis=0),
        n_resamples=RESAMPLES,
        confidence_level=1 - (1 - LEVEL) / comparisons,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    mean = float(np.mean([np.mean(each) for each in differences]))
    return Effect(mean, float(found.low), float(found.high), len(left))


def _stretched(values: Sequence[float]) -> list[float]:
    mean, n = float(np.mean(values)), len(values)
    return [mean + math.sqrt(n / (n - 1)) * (value - mean) for value in values]


def _pair(result: Result) -> tuple[str, int]:
    return result["cell"]["task"], result["cell"]["seed"]


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the sample standard deviation, 0 for a single value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
