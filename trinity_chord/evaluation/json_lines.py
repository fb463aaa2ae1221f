"""Reads and writes JSON lines; all bad lines are told at once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from trinity_chord.evaluation.errors import EvaluationError

TOLD = 20
"""Problems that a message spells out."""


def read_json_lines(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return the objects of a file, each with the name of its line; blank lines are skipped.

    Raises:
        EvaluationError: The file cannot be read, or lines are not JSON objects.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}") from error
    rows: list[tuple[str, dict[str, Any]]] = []
    wrong: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            wrong.append(f"line {number}: no JSON ({error})")
            continue
        if isinstance(value, dict):
            rows.append((f"line {number}", value))
        else:
            wrong.append(f"line {number}: got {type(value).__name__}, expected a JSON object")
    if wrong:
        raise EvaluationError(tell(str(path), wrong))
    return rows


def tell(what: str, problems: Sequence[str]) -> str:
    """Return a message that spells out the first problems and counts the rest."""
    rest = len(problems) - TOLD
    more = [f"and {rest} more"] if rest > 0 else []
    return f"{what}: {len(problems)} to mend:\n  " + "\n  ".join([*problems[:TOLD], *more])


def write_json_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write a whole file, or leave what was there."""
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_whole(path: Path, text: str) -> None:
    """Write a text, or leave what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", errors="backslashreplace")
    os.replace(part, path)
