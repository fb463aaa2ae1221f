"""Statistics of several answers per problem: pass@k and bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np

LEVEL = 0.95
"""Confidence level of the intervals."""
RESAMPLES = 10_000
"""Bootstrap samples per interval."""
CHUNK = 100


def pass_at(k: int, answers: int, correct: int) -> float:
    """Return the unbiased estimate of the probability that at least one of k answers is correct.

    1 - C(n-c, k) / C(n, k) for n answers of which c are correct (Chen et al., 2021, "Evaluating
    Large Language Models Trained on Code", equation 1).

    Args:
        k: Number of answers drawn.
        answers: n.
        correct: c.

    Raises:
        ValueError: k is not between 1 and n, or c is not between 0 and n.
    """
    if not (1 <= k <= answers and 0 <= correct <= answers):
        raise ValueError(
            f"got k={k}, answers={answers}, correct={correct}; expected 1 <= k <= answers and "
            "0 <= correct <= answers"
        )
    return 1 - comb(answers - correct, k) / comb(answers, k)


def bootstrap_interval(
    values: Sequence[float], *, seed: int, level: float = LEVEL
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean over problems.

    Args:
        values: One value per problem; problems are resampled with replacement.
        seed: Seed of the 10,000 bootstrap samples.
        level: Confidence level, between 0 and 1.
    """
    array = np.asarray(values, dtype=np.float64)
    random = np.random.default_rng(seed)
    means = np.concatenate(
        [
            array[random.integers(len(array), size=(CHUNK, len(array)))].mean(axis=1)
            for _ in range(RESAMPLES // CHUNK)
        ]
    )
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
