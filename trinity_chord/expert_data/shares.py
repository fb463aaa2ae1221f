"""Which set gives the next row, so that each set's total stays within one row of its share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction


class Shares:
    """Apportions rows among sets by the quota method (Balinski and Young, 1975).

    After every row, and so after every batch, the rows taken from set i differ from
    ``total * share_i / sum(shares)`` by less than one. The next set depends only on the rows taken
    so far: the sizes of the batches do not matter and no remainder has to be kept. All is integer
    arithmetic on the shares as they are written (0.1 is one tenth).

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
            taken: Rows taken from each set so far, as this method apportioned them.
            count: How many rows are wanted.

        Returns:
            ``count`` set numbers, in the order in which the rows are taken.
        """
        taken = list(taken)
        total = sum(taken)
        chosen = []
        for _ in range(count):
            total += 1
            # Of the sets that are behind their share, the one that would first be a row behind.
            behind = (
                i for i, weight in enumerate(self._weights) if taken[i] * self._sum < total * weight
            )
            best = min(behind, key=lambda i: (taken[i] + 1) * self._periods[i])
            taken[best] += 1
            chosen.append(best)
        return chosen
