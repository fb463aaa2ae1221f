"""Checks of JSON files before they are loaded, so that an error names the file and the line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trinity_chord.json_lines import numbered_lines, parse_json, parse_object

JSON_SUFFIXES = (".jsonl", ".json")


def check_json_file(path: Path) -> tuple[npt.NDArray[np.int64] | None, list[str]]:
    """Check one ``.jsonl`` or ``.json`` file.

    Args:
        path: The file. A ``.json`` file may hold one array or JSON Lines.

    Returns:
        The line number of each row (int64 ``[rows]``; None if the file is not JSON Lines), and
        the problems, each with its file and line.
    """
    if path.suffix == ".json" and not _is_json_lines(path):
        return None, _check_whole_file(path)
    lines, problems = [], []
    for number, line in numbered_lines(path):
        lines.append(number)
        try:
            parse_object(line)
        except ValueError as error:
            problems.append(f"{path}, line {number}: {error}")
    return np.array(lines, dtype=np.int64), problems


class LineIndex:
    """File and line of each row of a set whose files are all JSON Lines.

    Args:
        files: ``(path, line number of each row)`` in the order of the rows.
    """

    def __init__(self, files: Iterable[tuple[Path, npt.NDArray[np.int64]]]) -> None:
        self._files = list(files)
        self.rows = sum(len(lines) for _, lines in self._files)

    def where(self, row: int) -> str:
        """Return ``<file>, line <n>`` of a row of the set."""
        for path, lines in self._files:
            if row < len(lines):
                return f"{path}, line {lines[row]}"
            row -= len(lines)
        raise IndexError(f"the set has {self.rows} rows")


def _is_json_lines(path: Path) -> bool:
    """Return whether the first line of a ``.json`` file that is not blank is an object."""
    for _, line in numbered_lines(path):
        try:
            parse_object(line)
        except ValueError:
            return False
        return True
    return True


def _check_whole_file(path: Path) -> list[str]:
    try:
        parse_json(path.read_bytes())
    except ValueError as error:
        return [f"{path}: {error}"]
    return []
