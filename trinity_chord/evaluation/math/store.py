"""Keeps every answer in a folder, so that a stopped evaluation goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.evaluation.folder import drop_half_line
from trinity_chord.evaluation.json_lines import read_json_lines, write_json_lines, write_whole
from trinity_chord.evaluation.sampling import Sample

SETTINGS = "settings.json"


def claim(folder: Path, settings: dict[str, Any]) -> None:
    """Write the settings into a folder, or make sure that its answers were sampled with them.

    Sets that the folder does not have yet may join.

    Args:
        folder: Of the evaluation.
        settings: What the answers depend on. `settings["sets"]` has an entry for each set.

    Raises:
        EvaluationError: The folder has answers of other settings; each is named.
    """
    path = folder / SETTINGS
    sets: dict[str, Any] = {}
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        sets = before["sets"]
        if differing := _differing(before, settings):
            raise EvaluationError(
                f"--out {folder} holds answers of other settings ({'; '.join(differing)}). Give "
                "another folder, or the same settings to go on."
            )
    merged = settings | {"sets": sets | settings["sets"]}
    write_whole(path, json.dumps(merged, indent=2, ensure_ascii=False) + "\n")


def _differing(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return what differs, of the sets only what both have."""
    pairs = [(key, before.get(key), value) for key, value in now.items() if key != "sets"]
    for name in now["sets"].keys() & before["sets"].keys():
        there = before["sets"][name]
        pairs += [
            (f"{key} of {name}", there[key], value) for key, value in now["sets"][name].items()
        ]
    return [f"{key}: {was!r} there, {value!r} now" for key, was, value in pairs if was != value]


class SampleFile:
    """The answers to one set, a line each.

    Args:
        path: The file; a line half-written when an evaluation was stopped is dropped, and so are
            the answers to a problem that has fewer than wanted.
        wanted: Answers to each problem.
    """

    def __init__(self, path: Path, wanted: int) -> None:
        self.path = path
        self.path.parent.mkdir(parents=True, exist_ok=True)
        drop_half_line(path)
        rows = [row for _, row in read_json_lines(path)] if path.exists() else []
        by_problem: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            by_problem.setdefault(row["id"], []).append(row)
        self.answers = {key: each for key, each in by_problem.items() if len(each) == wanted}
        kept = [row for each in self.answers.values() for row in each]
        if len(kept) < len(rows):
            write_json_lines(path, kept)

    def add(self, problem: str, samples: Sequence[Sample]) -> None:
        """Append the answers to a problem."""
        rows = [
            {"id": problem, "sample": k, **_as_response(each)} for k, each in enumerate(samples)
        ]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(lines)
        self.answers[problem] = rows


def _as_response(sample: Sample) -> dict[str, Any]:
    values = asdict(sample)
    return {"response": values.pop("text"), **values}
