"""The second reading: writes the drawn rows in the order of their set."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from trinity_chord.data.candidates import Candidate
from trinity_chord.data.draw import Drawn, pick
from trinity_chord.data.files import file_sha256
from trinity_chord.data.inputs import Input
from trinity_chord.data.scan import OnProgress

Slot = tuple[str, int, Candidate]  # the set, the position in it, and the candidate


def write_sets(
    folder: Path, inputs: list[Input], drawn: dict[str, Drawn], seed: int, on_progress: OnProgress
) -> dict[str, dict[str, Any]]:
    """Write `<set>/train.jsonl` of each set.

    Rows are read in the order of the source into a spool file and copied from there in the order of
    the set, so one row at a time is in memory.

    Args:
        folder: The folder to write to.
        inputs: The sources.
        drawn: The rows of each set.
        seed: The seed; it chooses among several generations.
        on_progress: Called with the number of rows written since the last call.

    Returns:
        Path, rows, bytes, SHA-256 and columns of each set's file.
    """
    spools = {name: _Spool(folder / f"{name}.spool") for name in drawn}
    for number, opened in enumerate(inputs):
        slots = _slots(drawn, number)
        for row in opened.source.rows(opened.adapter.columns(), keep=slots.__contains__):
            for name, position, candidate in slots[row.number]:
                spools[name].add(position, _row(opened, name, row.values, candidate, seed))
                on_progress(1)
    return {name: spool.close_into(folder, name) for name, spool in spools.items()}


def _slots(drawn: dict[str, Drawn], number: int) -> dict[int, list[Slot]]:
    """Return where each drawn row of one input goes, by its row in the source."""
    slots = defaultdict(list)
    for name, rows in drawn.items():
        for position, (from_input, candidate) in enumerate(rows.rows):
            if from_input == number:
                slots[candidate.row].append((name, position, candidate))
    return dict(slots)


def _row(
    opened: Input, name: str, values: dict[str, Any], candidate: Candidate, seed: int
) -> dict[str, Any]:
    if name == "rl":
        return opened.adapter.rl_row(values, candidate)
    return opened.adapter.sft_row(values, candidate, pick(seed, "generation", candidate))


class _Spool:
    """The rows of one set on disk, each at a position of the set."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w+b")
        self._found: dict[int, tuple[int, int]] = {}
        self._columns: list[str] = []

    def add(self, position: int, row: dict[str, Any]) -> None:
        # JSON can hold half a surrogate pair, UTF-8 cannot: it becomes a question mark.
        line = json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        self._found[position] = (self._file.tell(), len(line))
        self._file.write(line)
        self._columns = list(row)

    def close_into(self, folder: Path, name: str) -> dict[str, Any]:
        target = folder / name / "train.jsonl"
        target.parent.mkdir()
        with target.open("wb") as file:
            for position in sorted(self._found):
                start, length = self._found[position]
                self._file.seek(start)
                file.write(self._file.read(length))
        self._file.close()
        self._path.unlink()
        return {
            "path": str(target.relative_to(folder)),
            "rows": len(self._found),
            "bytes": target.stat().st_size,
            "sha256": file_sha256(target),
            "columns": self._columns,
        }
