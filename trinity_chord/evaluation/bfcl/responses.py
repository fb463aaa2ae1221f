"""Reads given answers: ``{"id": …, "response": …}`` on each line."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from trinity_chord.evaluation.errors import EvaluationError

LISTED = 10


def read_responses(path: Path, wanted: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """Reads one answer for each of the wanted cases.

    Args:
        path: The file, JSON lines in UTF-8.
        wanted: The ids of the cases to be scored; each must be there once.
        known: The ids of the whole benchmark; there may be answers to those that are not wanted.

    Returns:
        The wanted answers by id, in the order of ``wanted``.

    Raises:
        EvaluationError: The file cannot be read, a line is no such object, an id is unknown, there
            twice or missing. All problems are told at once, each with its line.
    """
    found: dict[str, tuple[int, str]] = {}
    problems = []
    for number, line in _numbered_lines(path):
        problem, row = _row(line)
        if problem is None and row["id"] not in known:
            problem = f"the id {row['id']!r} is none of the benchmark's"
        if problem is None and row["id"] in found:
            problem = f"the id {row['id']!r} is already on line {found[row['id']][0]}"
        if problem is None:
            found[row["id"]] = (number, row["response"])
        else:
            problems.append(f"line {number}: {problem}")
    missing = [name for name in wanted if name not in found]
    if problems or missing:
        raise EvaluationError(_told(path, problems, missing))
    return {name: found[name][1] for name in wanted}


def _numbered_lines(path: Path) -> list[tuple[int, bytes]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise EvaluationError(
            f"responses {path} cannot be read: {error.strerror}. Wanted: a file with "
            '{"id": …, "response": …} on each line.'
        ) from error
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _row(line: bytes) -> tuple[str | None, dict[str, str]]:
    """Returns what is wrong with a line, or None, and its object."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}", {}
    if not isinstance(row, dict):
        return f"got a JSON {type(row).__name__}, expected an object", {}
    for key in ("id", "response"):
        if not isinstance(row.get(key), str):
            found = type(row[key]).__name__ if key in row else "nothing"
            return f"{key!r} is {found}, expected text", {}
    return None, row


def _told(path: Path, problems: list[str], missing: list[str]) -> str:
    parts = [f"responses {path}:", *(f"  {problem}" for problem in problems[:LISTED])]
    if len(problems) > LISTED:
        parts.append(f"  … and {len(problems) - LISTED:,} more lines")
    if missing:
        more = f" and {len(missing) - LISTED:,} more" if len(missing) > LISTED else ""
        parts.append(f"  no answer for {len(missing):,} cases: {', '.join(missing[:LISTED])}{more}")
    parts.append(
        "Give each case that is scored one line; --categories and --limit choose the cases."
    )
    return "\n".join(parts)
