"""Rows by key: which rows of the sets belong to a task, and which of them is next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.fingerprint import digest
from trinity_chord.expert_data.state import DAMAGED, REMEDY


@dataclass(frozen=True)
class PairBy:
    """What the key of an expert row is.

    Attributes:
        column: The column that holds the key, text or integers; if None, the key is the row's
            number in its source, counted from 0.
    """

    column: str | None = None


def as_keys(values: pa.ChunkedArray) -> list[str]:
    """Return a column as keys: text unchanged, integers in decimal notation.

    Args:
        values: The column, shape ``[rows]``.

    Raises:
        ExpertDataError: The column has another type, or a row has no value. The message does not
            name the column; the caller puts it in front.
    """
    kind = values.type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if not (text or pa.types.is_integer(kind)):
        raise ExpertDataError(f"got values of type {kind}, expected text or whole numbers")
    if values.null_count:
        row = values.is_null().to_pylist().index(True)
        raise ExpertDataError(
            f"got no value in {values.null_count:,} of {len(values):,} rows (the first is row "
            f"{row}, counted from 0), expected a key in every row"
        )
    return [str(value) for value in values.to_pylist()]


class PairIndex:
    """The rows of each key, over all sets of a stream.

    The rows of a key take turns, ordered by set and, within a set, by row.

    Args:
        keys: The key of each row of each set.

    Attributes:
        fingerprint: Fingerprint of the keys; a saved state applies only to the same keys.
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
        """Return ``(set number, epoch, row)`` of a key's row after ``visit`` earlier reads.

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
        """Return the number of reads of each key as a value that JSON can hold."""
        return {"fingerprint": self.fingerprint, "visits": dict(visits)}

    def from_state(self, state: Mapping[str, Any]) -> dict[str, int]:
        """Return the saved number of reads of each key.

        Raises:
            ExpertDataError: The state belongs to other rows or keys, or is damaged.
        """
        if state.get("fingerprint") != self.fingerprint:
            raise ExpertDataError(
                "saved expert state: got other keys of the expert rows "
                f"(fingerprint {state.get('fingerprint')!r}), expected those of this stream "
                f"(fingerprint {self.fingerprint!r}). {REMEDY}"
            )
        visits = state.get("visits")
        if not isinstance(visits, Mapping) or not all(
            self._is_visit_count(*item) for item in visits.items()
        ):
            raise ExpertDataError(
                "saved expert state: got damaged visit counts, expected a whole number for each "
                f"key. {DAMAGED}"
            )
        return dict(visits)

    def _is_visit_count(self, key: Any, count: Any) -> bool:
        return key in self and isinstance(count, int) and count >= 0
