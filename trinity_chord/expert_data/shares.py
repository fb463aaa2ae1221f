"""The choice of the set that gives the next row, so that every set keeps to its share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction


class Shares:
    """Apportions rows among sets by the quota method (Balinski and Young, 1975).

    After every row, and so after every batch, the number of rows read from set i differs from
    ``total * share_i / sum(shares)`` by less than one. The next set depends only on the rows read
    so far, not on the batch sizes, so there is no remainder to save. The arithmetic is exact: the
    shares are read as decimal fractions (0.1 is one tenth).

    Args:
        shares: The weight of each set, all above 0.
    """

    def __init__(self, shares: Sequence[float]) -> None:
        exact = [Fraction(str(share)) for share in shares]
        denominator = math.lcm(*(share.denominator for share in exact))
        self._weights = [int(share * denominator) for share in exact]
        self._sum = sum(self._weights)
        common = math.lcm(*self._weights)
        self._periods = [common // weight for weight in self._weights]

    def next_sets(self, taken: Sequence[int], count: int) -> list[int]:
        """Return the set of each of the next ``count`` rows.

        Args:
            taken: Number of rows read from each set so far, as apportioned by this method.
            count: Number of rows to apportion.

        Returns:
            ``count`` set numbers in the order of the rows.
        """
        taken = list(taken)
        total = sum(taken)
        chosen = []
        for _ in range(count):
            total += 1
            # Among the sets below their share, take the one that would first be a row behind.
            behind = (
                i for i, weight in enumerate(self._weights) if taken[i] * self._sum < total * weight
            )
            best = min(behind, key=lambda i: (taken[i] + 1) * self._periods[i])
            taken[best] += 1
            chosen.append(best)
        return chosen
