"""The first reading: what becomes of each row of a source, kept in a journal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from trinity_chord.data.candidates import Candidate, from_line, to_line
from trinity_chord.data.errors import PrepareError
from trinity_chord.data.inputs import Input
from trinity_chord.data.readers import Row

TOGETHER = 32  # Rows examined at once.
Told = Callable[[int], None]


def scan(chosen: Input, journal: Path, told: Told) -> list[Candidate]:
    """Examines each row of a source once.

    What is found of a row depends on that row alone and is written to the journal at once, so an
    interrupted scan goes on after the last whole line of its journal, with the same outcome.

    Args:
        chosen: The source and its recipe.
        journal: The file; a line for each row of the source.
        told: Called with the number of rows that have been done since the last call.

    Returns:
        The candidates, in the order of the source.

    Raises:
        PrepareError: Rows cannot be read or hold other types; up to ten of them are named.
    """
    candidates, done = _read(journal)
    told(done)
    rows = chosen.source.rows(chosen.recipe.columns(), wanted=lambda row: row >= done)
    with journal.open("ab") as file:
        while batch := list(islice(rows, TOGETHER)):
            _refuse_broken(chosen, batch, rows)
            for found in chosen.recipe.examine([(row.number, row.values) for row in batch]):
                file.write(to_line(found))
                candidates += found
            file.flush()
            told(len(batch))
    return candidates


def _read(journal: Path) -> tuple[list[Candidate], int]:
    """Returns the candidates of a journal and its number of rows; cuts off what is not a line."""
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


def _refuse_broken(chosen: Input, batch: list[Row], rest: Iterator[Row]) -> None:
    """Raises where a row of a batch cannot be used, with the next such rows after it."""
    if not any(_problem(chosen, row) for row in batch):
        return
    problems = []
    for row in (*batch, *islice(rest, 10 * TOGETHER)):
        problem = _problem(chosen, row)
        if problem:
            problems.append(f"{row.where}: {problem}")
    raise PrepareError.from_problems(
        f"source {chosen.source.place}: rows that cannot be used (up to row {row.number})",
        problems,
        "Fix or remove these rows.",
    )


def _problem(chosen: Input, row: Row) -> str | None:
    return row.problem or chosen.recipe.problem_of(row.values)
