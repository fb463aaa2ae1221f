"""The order in which the rows of a set are read: a new seeded permutation for each epoch."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt


def epoch_order(rows: int, seed: int, name: str, epoch: int) -> npt.NDArray[np.int64]:
    """Return the permutation of one epoch.

    The permutation sorts raw 64-bit draws of PCG64. NumPy keeps these draws the same in every
    version (NEP 19), which it does not promise for ``Generator.permutation``, so a resumed run
    keeps its order after an upgrade.

    Args:
        rows: Number of rows.
        seed: Seed of the stream, 0 or more.
        name: Name of the set; sets of equal size get different orders.
        epoch: Epoch, counted from 0.

    Returns:
        int64 array ``[rows]`` that contains each of ``0 .. rows - 1`` once.
    """
    name_word = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
    draws = np.random.PCG64(np.random.SeedSequence([seed, name_word, epoch])).random_raw(rows)
    return np.argsort(draws, kind="stable")


class RowOrder:
    """The endless sequence of row numbers of one set, epoch after epoch.

    Args:
        rows: Number of rows of the set, at least 1.
        seed: Seed of the stream.
        name: Name of the set.
    """

    def __init__(self, rows: int, seed: int, name: str) -> None:
        self.rows = rows
        self._seed = seed
        self._name = name
        self._current = (-1, np.empty(0, dtype=np.int64))

    def at(self, count: int) -> tuple[int, int]:
        """Return ``(epoch, row)`` of the row that follows the first ``count`` rows."""
        epoch, position = divmod(count, self.rows)
        current_epoch, order = self._current
        if current_epoch != epoch:
            order = epoch_order(self.rows, self._seed, self._name, epoch)
            # One assignment: the thread of a cancelled read may still be running.
            self._current = (epoch, order)
        return epoch, int(order[position])
