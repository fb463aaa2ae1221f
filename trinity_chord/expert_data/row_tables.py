"""The rows of an expert set before tokenization, whatever kind of file they are in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from datasets import Dataset, ReadInstruction

from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.json_files import JsonFile


class RowTable(Protocol):
    """Rows by number.

    Attributes:
        column_names: The columns of the rows.
    """

    column_names: list[str]

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[dict[str, Any]]: ...

    def at(self, row: int) -> dict[str, Any]:
        """Return a row; a column without a value is None."""

    def column(self, name: str) -> pa.ChunkedArray:
        """Return a column as an Arrow array, shape ``[rows]``.

        Raises:
            ValueError: Its values have no common type.
        """

    def where(self, row: int) -> str | None:
        """Return the place of a row, None if only its number says it."""


class ArrowTable:
    """The rows of a file with types, such as Parquet, or of the hub; memory-mapped."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.column_names = list(dataset.column_names)

    def __len__(self) -> int:
        return len(self._dataset)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield from self._dataset

    def at(self, row: int) -> dict[str, Any]:
        """Return a row."""
        return dict(self._dataset[row])

    def column(self, name: str) -> pa.ChunkedArray:
        """Return a column."""
        values: pa.ChunkedArray = self._dataset.with_format("arrow")[name][:]
        return values

    def where(self, row: int) -> None:
        """Return None."""


class JsonTable:
    """The rows of JSON files.

    Args:
        files: The files of each split, in the order of their rows.
        split: The part of them, in the notation of ``datasets.load_dataset``.
    """

    def __init__(self, files: Mapping[str, Sequence[JsonFile]], split: str) -> None:
        self._files = [file for of_split in files.values() for file in of_split]
        starts = np.cumsum([0, *map(len, self._files)])
        self._starts = starts
        self._rows = _selected({name: sum(map(len, each)) for name, each in files.items()}, split)
        self.column_names = list(dict.fromkeys(key for file in self._files for key in file.keys))

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self.at(row) for row in range(len(self)))

    def at(self, row: int) -> dict[str, Any]:
        """Return a row."""
        file, number = self._place(row)
        return {**dict.fromkeys(self.column_names), **file.at(number)}

    def column(self, name: str) -> pa.ChunkedArray:
        """Return a column."""
        return pa.chunked_array([pa.array([row.get(name) for row in self])])

    def where(self, row: int) -> str | None:
        """Return the place of a row."""
        file, number = self._place(row)
        return file.where(number)

    def _place(self, row: int) -> tuple[JsonFile, int]:
        whole = int(self._rows[row])
        file = int(np.searchsorted(self._starts, whole, side="right")) - 1
        return self._files[file], whole - int(self._starts[file])


def _selected(sizes: dict[str, int], split: str) -> np.ndarray[Any, Any]:
    """Return the numbers of the rows of a part, counted over all splits in their order."""
    starts = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
    if split == "all":
        return np.arange(sum(sizes.values()))
    try:
        parts = ReadInstruction.from_spec(split).to_absolute(sizes)
    except (ValueError, AssertionError) as error:
        raise ExpertDataError(f"split {split!r}: {error}") from error
    return np.concatenate(
        [
            np.arange(part.from_ or 0, sizes[part.splitname] if part.to is None else part.to)
            + starts[part.splitname]
            for part in parts
        ]
    )
