"""The first reading: examines each row of a source and keeps the results in a journal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from trinity_chord.data.candidates import Candidate, from_line, to_line
from trinity_chord.data.errors import PrepareError
from trinity_chord.data.inputs import Input
from trinity_chord.data.readers import Row

BATCH = 32  # rows examined at once
OnProgress = Callable[[int], None]  # takes the number of rows done since the last call


def scan(opened: Input, journal: Path, on_progress: OnProgress) -> list[Candidate]:
    """Examine each row of a source once.

    The result for a row depends on that row only and is written to the journal at once. So an
    interrupted scan resumes after the last complete line of its journal, with the same outcome.

    Args:
        opened: The source and its adapter.
        journal: The journal, one line per row of the source; created if missing.
        on_progress: Called with the number of rows done since the last call.

    Returns:
        The candidates, in the order of the source.

    Raises:
        PrepareError: Rows cannot be read or have the wrong types; the message lists up to ten.
    """
    candidates, done = _read(journal)
    on_progress(done)
    rows = opened.source.rows(opened.adapter.columns(), keep=lambda row: row >= done)
    with journal.open("ab") as file:
        while batch := list(islice(rows, BATCH)):
            _refuse_broken(opened, batch, rows)
            for found in opened.adapter.examine([(row.number, row.values) for row in batch]):
                file.write(to_line(found))
                candidates += found
            file.flush()
            on_progress(len(batch))
    return candidates


def _read(journal: Path) -> tuple[list[Candidate], int]:
    """Return the candidates and the number of rows in a journal; cut off an incomplete line."""
    candidates: list[Candidate] = []
    done = whole = 0
    if journal.exists():
        with journal.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                candidates += from_line(line)
                done += 1
                whole += len(line)
        os.truncate(journal, whole)
    return candidates, done


def _refuse_broken(opened: Input, batch: list[Row], rest: Iterator[Row]) -> None:
    """Raise an error if a row of a batch cannot be used; it also lists the next such rows."""
    if not any(_problem(opened, row) for row in batch):
        return
    problems = []
    for row in (*batch, *islice(rest, 10 * BATCH)):
        problem = _problem(opened, row)
        if problem:
            problems.append(f"{row.where}: {problem}")
    raise PrepareError.from_problems(
        f"source {opened.source.place}: rows that cannot be used (up to row {row.number})",
        problems,
        "Fix or remove these rows.",
    )


def _problem(opened: Input, row: Row) -> str | None:
    return row.problem or opened.adapter.problem_of(row.values)
