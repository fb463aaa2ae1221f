"""The second reading: the drawn rows, written in the order of their set."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from trinity_chord.data.candidates import Candidate
from trinity_chord.data.draw import Drawn, pick
from trinity_chord.data.files import file_sha256
from trinity_chord.data.inputs import Input
from trinity_chord.data.scan import Told

Place = tuple[str, int, Candidate]  # The set, the place in it, and the candidate.


def write_sets(
    folder: Path, inputs: list[Input], drawn: dict[str, Drawn], seed: int, told: Told
) -> dict[str, dict[str, Any]]:
    """Writes `<set>/train.jsonl` of each set.

    The rows come in the source's order and go into a spool, from where they are copied in the
    set's order: a row at a time is in memory.

    Args:
        folder: The folder to write to.
        inputs: The sources.
        drawn: The rows of each set.
        seed: The seed; it chooses among several generations.
        told: Called with the number of rows written since the last call.

    Returns:
        Path, rows, bytes, SHA-256 and columns of each set's file.
    """
    spools = {name: _Spool(folder / f"{name}.spool") for name in drawn}
    for number, chosen in enumerate(inputs):
        places = _places(drawn, number)
        for row in chosen.source.rows(chosen.recipe.columns(), wanted=places.__contains__):
            for name, place, candidate in places[row.number]:
                spools[name].add(place, _row(chosen, name, row.values, candidate, seed))
                told(1)
    return {name: spool.close_into(folder, name) for name, spool in spools.items()}


def _places(drawn: dict[str, Drawn], number: int) -> dict[int, list[Place]]:
    """Returns where each drawn row of one input goes, by its row in the source."""
    places = defaultdict(list)
    for name, rows in drawn.items():
        for place, (from_input, candidate) in enumerate(rows.rows):
            if from_input == number:
                places[candidate.row].append((name, place, candidate))
    return dict(places)


def _row(
    chosen: Input, name: str, values: dict[str, Any], candidate: Candidate, seed: int
) -> dict[str, Any]:
    if name == "rl":
        return chosen.recipe.rl_row(values, candidate)
    return chosen.recipe.sft_row(values, candidate, pick(seed, "generation", candidate))


class _Spool:
    """Rows of one set on the disk, each found by its place in the set."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w+b")
        self._found: dict[int, tuple[int, int]] = {}
        self._columns: list[str] = []

    def add(self, place: int, row: dict[str, Any]) -> None:
        # Half of a surrogate pair, which JSON can hold, is no UTF-8: it becomes a question mark.
        line = json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        self._found[place] = (self._file.tell(), len(line))
        self._file.write(line)
        self._columns = list(row)

    def close_into(self, folder: Path, name: str) -> dict[str, Any]:
        target = folder / name / "train.jsonl"
        target.parent.mkdir()
        with target.open("wb") as file:
            for place in sorted(self._found):
                start, length = self._found[place]
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
