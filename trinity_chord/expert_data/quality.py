"""Quality repeats: a row of a scored set appears more often the better its score is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trinity_chord.expert_data.errors import ExpertDataError

PERCENTILES = (90, 95, 98)


@dataclass(frozen=True)
class Quality:
    """SFT(Q) (arXiv 2507.12856): the union, with repeats, of the rows above several percentiles.

    Attributes:
        key: The column of the scores, integers or decimals; higher is better.
        percentiles: Different numbers in [0, 100); 90, 95 and 98 in the paper.

    Raises:
        ExpertDataError: The key is not text, or the percentiles are not such numbers.
    """

    key: str
    percentiles: Sequence[float] = PERCENTILES

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or not self.key:
            raise ExpertDataError(f"`key`: got {self.key!r}, expected the name of a score column")
        found = self.percentiles
        listed = isinstance(found, Sequence) and not isinstance(found, str) and len(found) > 0
        if not (listed and all(map(_is_percentile, found)) and len(set(found)) == len(found)):
            raise ExpertDataError(
                f"`percentiles`: got {found!r}, expected a list of different numbers in [0, 100), "
                f"for example {list(PERCENTILES)}"
            )


def appearances(scores: npt.NDArray[Any], percentiles: Sequence[float]) -> npt.NDArray[np.int64]:
    """Return how often each row appears: once for each percentile that its score reaches.

    The q-th percentile of n scores lies, interpolated linearly, at position (n-1)·q/100 of the
    sorted scores. No score lies between two adjacent sorted scores, so a score reaches the
    percentile exactly if it is at least the score at that position rounded up. No float is rounded.

    Args:
        scores: The score of each row, finite, shape ``[rows]``, at least one.
        percentiles: q of each percentile, in [0, 100).

    Returns:
        int64 array ``[rows]`` of numbers from 0 to ``len(percentiles)``.
    """
    ordered = np.sort(scores)
    times = np.zeros(len(scores), dtype=np.int64)
    for percentile in percentiles:
        position = math.ceil((len(scores) - 1) * Fraction(str(percentile)) / 100)
        times += scores >= ordered[position]
    return times


def score_problems(scores: pa.ChunkedArray) -> list[tuple[int, str]]:
    """Return ``(row, problem)`` of each row whose score is not a finite number."""
    kind = scores.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return [(0, f"got {scores[0].as_py()!r} ({kind}), expected a number")]
    values = scores.to_numpy().astype(np.float64)  # A null becomes NaN.
    return [
        (int(row), f"got {scores[int(row)].as_py()!r}, expected a finite number")
        for row in np.flatnonzero(~np.isfinite(values))
    ]


def _is_percentile(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 100
