"""The order in which the rows of a set are taken: a new seeded permutation for each epoch."""

from __future__ import annotations

import hashlib

import numpy as np


def epoch_order(rows: int, seed: int, name: str, epoch: int) -> np.ndarray:
    """Return the permutation of one epoch.

    It sorts raw 64-bit draws of PCG64. NumPy promises the same draws in every version (NEP 19),
    which it does not for ``Generator.permutation``; so a resumed run keeps its order after an
    upgrade.

    Args:
        rows: Number of rows.
        seed: Seed of the stream, 0 or more.
        name: Name of the set; sets of equal size get different orders.
        epoch: Epoch, counted from 0.

    Returns:
        int64 array ``[rows]`` holding each of ``0 .. rows - 1`` once.
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
        """Return ``(epoch, row)`` of the row that is taken after ``count`` others."""
        epoch, position = divmod(count, self.rows)
        known, order = self._current
        if known != epoch:
            order = epoch_order(self.rows, self._seed, self._name, epoch)
            self._current = (epoch, order)  # One assignment: a cancelled read may still run.
        return epoch, int(order[position])
