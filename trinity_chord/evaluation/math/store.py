"""Keeps every answer in a folder, so that a stopped evaluation can resume."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trinity_chord.evaluation.folder import differences, drop_half_line, other_settings
from trinity_chord.evaluation.json_files import read_json_lines, write_json, write_json_lines
from trinity_chord.evaluation.sampling import Sample

SETTINGS = "settings.json"


def claim(folder: Path, settings: dict[str, Any]) -> None:
    """Write the settings into a folder, or check that its answers were sampled with them.

    Sets that the folder does not have yet are added.

    Args:
        folder: The folder of the evaluation.
        settings: What the answers depend on. `settings["sets"]` has one entry per set.

    Raises:
        EvaluationError: The folder holds answers sampled with other settings; each is listed.
    """
    path = folder / SETTINGS
    sets: dict[str, Any] = {}
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        sets = kept["sets"]
        if differing := _differing(kept, settings):
            raise other_settings(folder, differing)
    write_json(path, settings | {"sets": sets | settings["sets"]})


def _differing(kept: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Compare the settings that `now` has, and the sets that both have."""
    keys = [key for key in now if key != "sets"]
    found = differences({key: kept.get(key) for key in keys}, {key: now[key] for key in keys})
    for name, of_set in now["sets"].items():
        if name in kept["sets"]:
            found += differences(kept["sets"][name], of_set, f" of {name}")
    return found


class SampleFile:
    """The answers to one set, one JSON line each.

    Args:
        path: The file. An incomplete last line is removed, and so are the answers to problems
            that have fewer than `k`.
        k: Answers per problem.

    Attributes:
        answers: By problem id, its rows `{"id", "sample", "response", "tokens", "truncated"}`.
    """

    def __init__(self, path: Path, k: int) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        drop_half_line(path)
        rows = [row for _, row in read_json_lines(path)] if path.exists() else []
        by_problem: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            by_problem.setdefault(row["id"], []).append(row)
        self.answers = {key: each for key, each in by_problem.items() if len(each) == k}
        complete = [row for each in self.answers.values() for row in each]
        if len(complete) < len(rows):
            write_json_lines(path, complete)

    def add(self, problem: str, samples: Sequence[Sample]) -> None:
        """Append the answers to a problem."""
        rows = [
            {"id": problem, "sample": k, **_as_response(each)} for k, each in enumerate(samples)
        ]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(lines)
        self.answers[problem] = rows


def _as_response(sample: Sample) -> dict[str, Any]:
    values = asdict(sample)
    return {"response": values.pop("text"), **values}
