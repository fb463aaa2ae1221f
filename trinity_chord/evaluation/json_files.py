"""Reads and writes JSON and JSON lines; all bad lines of a file are reported at once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.json_lines import numbered_lines, parse_object

Rows = list[tuple[str, dict[str, Any]]]
"""Objects, each with its place in the file, such as "line 3"."""


def scan_json_lines(path: Path) -> list[tuple[str, dict[str, Any] | str]]:
    """Return each line's place with its object, or with a text that says what is wrong.

    Blank lines are skipped. For callers that also check the objects and report everything at once.

    Raises:
        EvaluationError: The file cannot be read.
    """
    try:
        return [(f"line {i}", _parse(line)) for i, line in numbered_lines(path)]
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror or error}") from error


def _parse(line: bytes) -> dict[str, Any] | str:
    try:
        return parse_object(line, any_text=True)  # A model may write half a pair.
    except ValueError as error:
        return str(error)


def read_json_lines(path: Path) -> Rows:
    """Return the objects of a file; blank lines are skipped.

    Raises:
        EvaluationError: The file cannot be read, or lines are not JSON objects.
    """
    rows: Rows = []
    problems: list[str] = []
    for place, row in scan_json_lines(path):
        if isinstance(row, str):
            problems.append(f"{place}: {row}")
        else:
            rows.append((place, row))
    if problems:
        raise EvaluationError.from_problems(str(path), problems)
    return rows


def write_json_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write one line per object, atomically."""
    _write_atomically(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write an indented JSON object, atomically."""
    _write_atomically(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", errors="backslashreplace")
    os.replace(part, path)
