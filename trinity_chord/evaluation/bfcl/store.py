"""Keeps an evaluation in a folder, so that a stopped one goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.evaluation.folder import LOCK, drop_half_line
from trinity_chord.evaluation.json_lines import write_whole

SETTINGS, SAMPLES, SUMMARY = "settings.json", "samples.jsonl", "summary.json"


class Store:
    """The folder of one evaluation.

    ``settings.json`` says what is evaluated and how, ``samples.jsonl`` has a line for each case,
    and ``summary.json`` is there only when all of them are.

    Args:
        folder: The folder; made where it is not there.
        settings: What must be the same for a stopped evaluation to go on; JSON values.

    Raises:
        EvaluationError: The folder holds another evaluation, or something else.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        self._samples = folder / SAMPLES
        if self._samples.is_file():
            self._refuse_other(settings)
        elif folder.exists() and not _is_ours_or_empty(folder):
            raise EvaluationError(
                f"--out {folder} is there and holds no evaluation. Give another folder."
            )
        else:
            folder.mkdir(parents=True, exist_ok=True)
            _write(folder / SETTINGS, settings)
        self.records = self._read()

    def add(self, record: dict[str, Any]) -> None:
        """Writes the line of a case to the disk."""
        self.records[record["id"]] = record
        with self._samples.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def reopen(self) -> None:
        """Takes the summary away: what follows changes it."""
        (self.folder / SUMMARY).unlink(missing_ok=True)

    def finish(self, summary: dict[str, Any]) -> None:
        """Writes the summary."""
        _write(self.folder / SUMMARY, summary)

    def _refuse_other(self, settings: dict[str, Any]) -> None:
        kept = self._kept_settings()
        wanted = json.loads(json.dumps(settings))
        differing = [
            f"{key}: {kept.get(key)!r} there, {wanted.get(key)!r} now"
            for key in sorted({*kept, *wanted})
            if kept.get(key) != wanted.get(key)
        ]
        if differing:
            raise EvaluationError(
                "\n  ".join([f"--out {self.folder} holds another evaluation:", *differing])
                + "\nGive another folder, or the same settings to go on."
            )

    def _kept_settings(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.folder / SETTINGS).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise EvaluationError(
                f"--out {self.folder} has samples but its {SETTINGS} cannot be read: {error}. "
                "Give another folder."
            ) from error

    def _read(self) -> dict[str, dict[str, Any]]:
        """Reads the lines that are whole, and cuts off one that was being written."""
        if not self._samples.is_file():
            return {}
        drop_half_line(self._samples)
        records = {}
        for number, line in enumerate(self._samples.read_bytes().splitlines(), start=1):
            try:
                record = json.loads(line)
                records[record["id"]] = record
            except (ValueError, KeyError, TypeError) as error:
                raise EvaluationError(
                    f"{self._samples}, line {number} is no line of an evaluation: {error!r}. "
                    "Remove the line: its case is then done again."
                ) from error
        return records


def _is_ours_or_empty(folder: Path) -> bool:
    return folder.is_dir() and {*os.listdir(folder)} <= {SETTINGS, f"{SETTINGS}.part", LOCK}


def _write(path: Path, value: dict[str, Any]) -> None:
    write_whole(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
