"""Accuracy over cases: of each category, instance-weighted over groups, with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from trinity_chord.evaluation.bfcl.cases import CATEGORIES, GROUPS

BOOTSTRAP_SAMPLES = 10_000
LEVEL = 0.95


def score(records: Iterable[dict[str, Any]], seed: int) -> dict[str, Any]:
    """Adds up verdicts.

    Accuracy over several categories is instance-weighted, as in the paper: right cases over all
    cases. (The leaderboard's own averages of categories are another figure.)

    Args:
        records: One of each case: ``category``, ``valid``, ``error_type``, ``truncated``.
        seed: Seed of the intervals.

    Returns:
        ``categories``: for each ``correct``, ``total`` and ``accuracy`` in [0, 1]; ``non_live``,
        ``live`` and ``overall``: the same and ``interval``, the 95 % bootstrap interval of the
        accuracy; what has no case is left out; ``errors``: how often each error type; and
        ``truncated``: replies that were cut off, None where that is not known.
    """
    rows = list(records)
    valid = {
        category: [row["valid"] for row in rows if row["category"] == category]
        for category in CATEGORIES
    }
    random = np.random.default_rng(seed)
    summed = {
        name: _accuracy([v for category in categories for v in valid[category]])
        for name, categories in (*GROUPS.items(), ("overall", CATEGORIES))
    }
    cut = [row["truncated"] for row in rows]
    return {
        "categories": {name: _accuracy(found) for name, found in valid.items() if found},
        **{
            name: {**found, "interval": interval(found["correct"], found["total"], random)}
            for name, found in summed.items()
            if found["total"]
        },
        "errors": dict(Counter(row["error_type"] for row in rows if not row["valid"])),
        "truncated": None if None in cut else sum(cut),
    }


def interval(correct: int, total: int, random: np.random.Generator) -> list[float]:
    """Returns the 95 % percentile bootstrap interval of an accuracy.

    Drawing ``total`` cases with replacement and counting the right ones is drawing one number from
    a binomial distribution: so each bootstrap sample is one draw.
    """
    drawn = random.binomial(total, correct / total, size=BOOTSTRAP_SAMPLES) / total
    tail = (1 - LEVEL) / 2
    return [float(bound) for bound in np.quantile(drawn, [tail, 1 - tail])]


def _accuracy(valid: Sequence[bool]) -> dict[str, Any]:
    correct = sum(valid)
    accuracy = correct / len(valid) if valid else 0.0
    return {"correct": correct, "total": len(valid), "accuracy": accuracy}
