"""Rows by key: which rows of the sets belong to a task, and whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from trinity_chord.expert_data.errors import ExpertDataError, ExpertStateError
from trinity_chord.expert_data.fingerprint import digest
from trinity_chord.expert_data.state import REMEDY


@dataclass(frozen=True)
class PairBy:
    """What the key of an expert row is.

    Attributes:
        column: The column that holds it, text or whole numbers; None where it is the row's number
            in its source, from 0.
    """

    column: str | None = None


def as_keys(values: pa.ChunkedArray) -> list[str]:
    """Return a column as keys: text as it stands, whole numbers in decimal notation.

    Args:
        values: The column, shape ``[rows]``.

    Raises:
        ExpertDataError: The column holds something else, or a row of it holds nothing.
    """
    kind = values.type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if not (text or pa.types.is_integer(kind)):
        raise ExpertDataError(f"it holds {kind}, expected text or whole numbers as keys")
    if values.null_count:
        row = values.is_null().to_pylist().index(True)
        raise ExpertDataError(
            f"{values.null_count:,} of its {len(values):,} rows hold nothing, the first is row "
            f"{row} (counted from 0); expected a key in every row"
        )
    return [str(value) for value in values.to_pylist()]


class PairIndex:
    """The rows of each key, over all sets of a stream.

    The rows of a key take turns: in the order of the sets and, within a set, of its rows.

    Args:
        keys: The key of each row of each set.

    Attributes:
        fingerprint: Fingerprint of the keys; saved turns are of use only where it is the same.
    """

    def __init__(self, keys: Sequence[Sequence[str]]) -> None:
        self._rows: dict[str, list[tuple[int, int]]] = {}
        for set_number, keys_of_set in enumerate(keys):
            for row, key in enumerate(keys_of_set):
                self._rows.setdefault(key, []).append((set_number, row))
        self.fingerprint = digest([list(keys_of_set) for keys_of_set in keys])

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def at(self, key: str, visit: int) -> tuple[int, int, int]:
        """Return ``(set number, epoch, row)`` of the row that a key gives after ``visit`` others.

        Raises:
            KeyError: No row has the key.
        """
        if key not in self._rows:
            raise KeyError(f"no expert row has the key {key!r}")
        rows = self._rows[key]
        epoch, turn = divmod(visit, len(rows))
        set_number, row = rows[turn]
        return set_number, epoch, row

    def to_state(self, visits: Mapping[str, int]) -> dict[str, Any]:
        """Return the turns as a value that JSON can hold."""
        return {"fingerprint": self.fingerprint, "visits": dict(visits)}

    def from_state(self, state: Mapping[str, Any]) -> dict[str, int]:
        """Return the turns that were saved.

        Raises:
            ExpertStateError: They belong to other rows or keys, or are damaged.
        """
        if state.get("fingerprint") != self.fingerprint:
            raise ExpertStateError(
                "the saved expert state was written for other keys of the expert rows: "
                f"fingerprint: saved {state.get('fingerprint')!r}, now {self.fingerprint!r}. "
                f"{REMEDY}"
            )
        visits = state.get("visits")
        if not isinstance(visits, Mapping) or not all(_is_turn(self, *v) for v in visits.items()):
            raise ExpertStateError(
                "the saved expert state has turns of rows that are not whole numbers by key. The "
                "state is damaged: resume from another checkpoint."
            )
        return dict(visits)


def _is_turn(index: PairIndex, key: Any, visits: Any) -> bool:
    return key in index and isinstance(visits, int) and visits >= 0
