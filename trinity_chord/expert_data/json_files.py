"""JSON files of expert rows, read as they are written: no type is inferred from other rows."""

from __future__ import annotations

import gzip
import io
import mmap
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from trinity_chord.json_lines import LONGEST, bounded_lines, parse_json, parse_object, too_long

JSON_SUFFIXES = (".jsonl", ".json")
GZIP = ".gz"
LARGEST_ARRAY = 2**28  # Bytes of a file that has to be read as a whole.


def json_suffix(path: Path) -> str | None:
    """Return the suffix of a file of JSON, compressed with gzip or not; None of any other file."""
    suffix = path.with_suffix("").suffix if path.suffix == GZIP else path.suffix
    return suffix if suffix in JSON_SUFFIXES else None


class JsonFile(Protocol):
    """A file of rows.

    Attributes:
        problems: What is wrong with the file and its rows, each with its place.
        keys: The keys of all rows, in the order in which they first appear.
    """

    problems: list[str]
    keys: dict[str, None]

    def __len__(self) -> int: ...

    def at(self, row: int) -> dict[str, Any]:
        """Return a row by its number in the file."""

    def where(self, row: int) -> str | None:
        """Return the place of a row, None if only its number says it."""


def open_json(path: Path) -> JsonFile:
    """Open a file of JSON Lines, or a ``.json`` file that holds one array of objects.

    Args:
        path: The file; gzip if its name ends so.
    """
    try:
        with _uncompressed(path) as file:
            if json_suffix(path) == ".json" and not _is_json_lines(file):
                return JsonArray(path, file)
            return JsonLines(path, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        return _Unreadable(path, f"{path}: not a complete gzip file: {error}")
    except OSError as error:
        return _Unreadable(path, f"{path} cannot be read: {error.strerror or error}")


class JsonLines:
    """One object per line; only the places of the lines are kept in memory.

    Args:
        path: The path, for messages.
        file: The file.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self.problems: list[str] = []
        self.keys: dict[str, None] = {}
        places: list[tuple[int, int, int]] = []
        for line in bounded_lines(file):
            places.append((line.number, line.start, line.size))
            try:
                if line.text is None:
                    raise ValueError(too_long(line.size))
                self.keys.update(dict.fromkeys(parse_object(line.text)))
            except ValueError as error:
                self.problems.append(f"{path}, line {line.number}: {error}")
        self._places: npt.NDArray[np.int64] = np.array(places, dtype=np.int64).reshape(-1, 3)
        self._bytes: Any = b""
        if places:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __len__(self) -> int:
        return len(self._places)

    def at(self, row: int) -> dict[str, Any]:
        """Return a row by its number in the file."""
        _, start, size = self._places[row].tolist()
        return parse_object(self._bytes[start : start + size])

    def where(self, row: int) -> str:
        """Return the place of a row."""
        return f"{self._path}, line {self._places[row][0]}"


class JsonArray:
    """One array of objects, in memory.

    Args:
        path: The path, for messages.
        file: The file.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.problems: list[str] = []
        self.keys: dict[str, None] = {}
        self._items: list[dict[str, Any]] = []
        text = file.read(LARGEST_ARRAY + 1)
        try:
            if len(text) > LARGEST_ARRAY:
                raise ValueError(
                    f"got one array of more than {LARGEST_ARRAY:,} bytes; write JSON Lines"
                )
            value = parse_json(text) if text.strip() else []
            if not isinstance(value, list):
                raise ValueError(f"got a JSON {type(value).__name__}, expected a list of objects")
        except ValueError as error:
            self.problems.append(f"{path}: {error}")
            return
        for number, item in enumerate(value):
            if isinstance(item, dict):
                self.keys.update(dict.fromkeys(item))
            else:
                kind = type(item).__name__
                self.problems.append(f"{path}, item {number} (from 0): got a JSON {kind}")
        self._items = value

    def __len__(self) -> int:
        return len(self._items)

    def at(self, row: int) -> dict[str, Any]:
        """Return a row by its number in the file."""
        return self._items[row]

    def where(self, row: int) -> None:
        """Return None: an item has no line of its own."""


class _Unreadable:
    """A file without rows, because it cannot be read."""

    def __init__(self, path: Path, problem: str) -> None:
        self.problems = [problem]
        self.keys: dict[str, None] = {}

    def __len__(self) -> int:
        return 0

    def at(self, row: int) -> dict[str, Any]:
        raise IndexError(row)

    def where(self, row: int) -> None:
        raise IndexError(row)


def _uncompressed(path: Path) -> BinaryIO:
    if path.suffix != GZIP:
        return path.open("rb")
    plain = tempfile.TemporaryFile(prefix="expert-rows-")  # noqa: SIM115  (the caller closes it)
    with gzip.open(path) as packed:
        shutil.copyfileobj(packed, plain, 2**20)
    plain.flush()
    plain.seek(0)
    return plain


def _is_json_lines(file: BinaryIO) -> bool:
    """Return whether the first line of a file that is not blank is an object of its own."""
    first = next(bounded_lines(file), None)
    file.seek(0, io.SEEK_SET)
    if first is None or first.text is None:
        return first is not None and first.size > LONGEST and _starts_with_object(file)
    try:
        parse_object(first.text)
    except ValueError:
        # A broken first line of JSON Lines is reported with its number.
        return first.text.lstrip().startswith(b"{") and first.text.rstrip().endswith(b"}")
    return True


def _starts_with_object(file: BinaryIO) -> bool:
    start = file.read(LONGEST).lstrip()
    file.seek(0, io.SEEK_SET)
    return start.startswith(b"{")
