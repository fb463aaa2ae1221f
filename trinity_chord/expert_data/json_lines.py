"""Checks JSON files before they are loaded, so that an error names the file and the line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

JSON_SUFFIXES = (".jsonl", ".json")


def numbered_rows(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield ``(line number from 1, line)`` of each line of a file that is not blank."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line


def check_json_file(path: Path) -> tuple[np.ndarray | None, list[str]]:
    """Check one ``.jsonl`` or ``.json`` file.

    Args:
        path: The file. A ``.json`` file may hold one array, or JSON lines.

    Returns:
        The line of each row (int64 ``[rows]``; None where the file is not in lines), and the
        problems, each with file and line.
    """
    if path.suffix == ".json" and not _is_in_lines(path):
        return None, _check_whole(path)
    lines, problems = [], []
    for number, line in numbered_rows(path):
        lines.append(number)
        problem = _check_line(line)
        if problem:
            problems.append(f"{path}, line {number}: {problem}")
    return np.array(lines, dtype=np.int64), problems


class LineIndex:
    """Where the rows of a set stand, for a set whose files are all in JSON lines.

    Args:
        files: ``(path, line of each row)`` in the order of the rows.
    """

    def __init__(self, files: Iterable[tuple[Path, np.ndarray]]) -> None:
        self._files = list(files)
        self.rows = sum(len(lines) for _, lines in self._files)

    def where(self, row: int) -> str:
        """Return ``<file>, line <n>`` of a row of the set."""
        for path, lines in self._files:
            if row < len(lines):
                return f"{path}, line {lines[row]}"
            row -= len(lines)
        raise IndexError(f"the set has {self.rows} rows")


def _is_in_lines(path: Path) -> bool:
    """Tell whether the first row of a ``.json`` file is an object on a line of its own."""
    for _, line in numbered_rows(path):
        return _check_line(line) is None
    return True


def _check_line(line: bytes) -> str | None:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg} at column {error.colno}"
    except UnicodeDecodeError as error:
        return f"not UTF-8 text: {error.reason} at byte {error.start}"
    if not isinstance(value, dict):
        return f"got a JSON {type(value).__name__}, expected an object {{...}} on each line"
    return None


def _check_whole(path: Path) -> list[str]:
    try:
        json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        return [f"{path}, line {error.lineno}: not JSON: {error.msg} at column {error.colno}"]
    except UnicodeDecodeError as error:
        return [f"{path}: not UTF-8 text: {error.reason} at byte {error.start}"]
    return []
