"""Accuracy with intervals: per category, and instance-weighted over groups of categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from trinity_chord.evaluation.bfcl.cases import ALL_CATEGORIES, CATEGORIES, GROUPS
from trinity_chord.evaluation.statistics import LEVEL, RESAMPLES
from trinity_chord.multi_turn.cases import MULTI_TURN_CATEGORIES


def score(records: Iterable[dict[str, Any]], seed: int) -> dict[str, Any]:
    """Summarize verdicts.

    Accuracy over several categories is instance-weighted, as in the paper: correct cases over all
    cases. The leaderboard averages the categories instead.

    Args:
        records: One per case, with `category`, `valid`, `error_type` and `truncated`.
        seed: Seed of the intervals.

    Returns:
        `categories`: `correct`, `total` and `accuracy` (from 0 to 1) of each category.
        `non_live`, `live`, `overall` (of these two, as in the paper) and `multi_turn`: the same,
        and `interval`, the 95 % bootstrap interval of the accuracy. Categories and groups without
        a case are left out.
        `errors`: the number of errors of each type.
        `truncated`: the number of truncated replies, None if unknown.
    """
    rows = list(records)
    valid = {
        category: [row["valid"] for row in rows if row["category"] == category]
        for category in ALL_CATEGORIES
    }
    random = np.random.default_rng(seed)
    summed = {
        name: _accuracy([v for category in categories for v in valid[category]])
        for name, categories in (
            *GROUPS.items(),
            ("overall", CATEGORIES),
            ("multi_turn", MULTI_TURN_CATEGORIES),
        )
    }
    truncated = [row["truncated"] for row in rows]
    return {
        "categories": {name: _accuracy(found) for name, found in valid.items() if found},
        **{
            name: {**found, "interval": interval(found["correct"], found["total"], random)}
            for name, found in summed.items()
            if found["total"]
        },
        "errors": dict(Counter(row["error_type"] for row in rows if not row["valid"])),
        "truncated": None if None in truncated else sum(truncated),
    }


def interval(correct: int, total: int, random: np.random.Generator) -> list[float]:
    """Return the 95 % percentile bootstrap interval of an accuracy.

    Resampling `total` cases and counting the correct ones is one draw from a binomial
    distribution, so that each bootstrap sample takes one draw.
    """
    drawn = random.binomial(total, correct / total, size=RESAMPLES) / total
    tail = (1 - LEVEL) / 2
    return [float(bound) for bound in np.quantile(drawn, [tail, 1 - tail])]


def _accuracy(valid: Sequence[bool]) -> dict[str, Any]:
    correct = sum(valid)
    accuracy = correct / len(valid) if valid else 0.0
    return {"correct": correct, "total": len(valid), "accuracy": accuracy}
