"""Reads a file of answers: JSON lines `{"id", "response"}`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from trinity_chord.errors import LISTED
from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.evaluation.json_files import scan_json_lines


def read_responses(
    path: Path, to_score: Sequence[str], known: Collection[str], conversations: Collection[str] = ()
) -> dict[str, Any]:
    """Read one answer per case.

    Args:
        path: The file, JSON lines in UTF-8.
        to_score: Ids of the cases to score; each must have exactly one line.
        known: Ids of the whole benchmark; answers to other cases are ignored.
        conversations: Ids of those that are conversations: their answer is a list of turns, each a
            list of replies.

    Returns:
        The answers by id, in the order of `to_score`.

    Raises:
        EvaluationError: The file cannot be read, or has wrong, repeated, unknown or missing lines.
            Everything is reported at once, with the lines.
    """
    found: dict[str, Any] = {}
    line_of: dict[str, str] = {}
    problems: list[str] = []
    for line, row in scan_json_lines(path):
        if isinstance(row, str):
            problems.append(f"{line}: {row}")
        elif complaint := _complaint(row, line_of, known, conversations):
            problems.append(f"{line}: {complaint}")
        else:
            found[row["id"]], line_of[row["id"]] = row["response"], line
    missing = [name for name in to_score if name not in found]
    if missing:  # First, so that many wrong lines do not hide it.
        more = f" and {len(missing) - LISTED:,} more" if len(missing) > LISTED else ""
        names = ", ".join(missing[:LISTED])
        problems.insert(0, f"no answer for {len(missing):,} cases: {names}{more}")
    if problems:
        raise EvaluationError.from_problems(
            str(path),
            problems,
            'Expected one line {"id": ..., "response": ...} per case to score; --categories and '
            "--limit select the cases.",
        )
    return {name: found[name] for name in to_score}


def _complaint(
    row: dict[str, Any],
    line_of: dict[str, str],
    known: Collection[str],
    conversations: Collection[str],
) -> str | None:
    """Return what is wrong with a row, or None."""
    conversation = row.get("id") in conversations if isinstance(row.get("id"), str) else False
    if conversation and not _is_conversation(row.get("response")):
        return "response: expected a list of turns, each a list of replies as text"
    for key in ("id",) if conversation else ("id", "response"):
        if not isinstance(row.get(key), str):
            got = type(row[key]).__name__ if key in row else "nothing"
            return f"{key}: got {got}, expected text"
    if row["id"] not in known:
        return f"id: got {row['id']!r}, which is not a case of the benchmark"
    if row["id"] in line_of:
        return f"id: got {row['id']!r}, which is already on {line_of[row['id']]}"
    return None


def _is_conversation(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(turn, list) and all(isinstance(text, str) for text in turn) for turn in value
    )
