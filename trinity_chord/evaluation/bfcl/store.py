"""Keeps an evaluation in a folder, so that a stopped one can resume."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.evaluation.folder import LOCK, differences, drop_half_line, other_settings
from trinity_chord.evaluation.json_files import scan_json_lines, write_json

SETTINGS, SAMPLES, SUMMARY = "settings.json", "samples.jsonl", "summary.json"


class Store:
    """The folder of one evaluation.

    `settings.json` holds what is evaluated and how, `samples.jsonl` has one line per case, and
    `summary.json` exists only when all cases are done.

    Args:
        folder: The folder; created if missing.
        settings: What must stay the same for a stopped evaluation to resume; JSON values.

    Attributes:
        records: The line of each finished case, by id.

    Raises:
        EvaluationError: The folder holds another evaluation, or something else.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._folder = folder
        self._samples = folder / SAMPLES
        if self._samples.is_file():
            self._require_same(settings)
        elif folder.exists() and not _is_empty_or_ours(folder):
            raise EvaluationError(
                f"--out {folder} exists and holds no evaluation. Use another folder."
            )
        else:
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / SETTINGS, settings)
        self.records = self._read()

    def add(self, record: dict[str, Any]) -> None:
        """Write the line of a case."""
        self.records[record["id"]] = record
        with self._samples.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def reopen(self) -> None:
        """Remove the summary before more cases are added."""
        (self._folder / SUMMARY).unlink(missing_ok=True)

    def finish(self, summary: dict[str, Any]) -> None:
        """Write the summary."""
        write_json(self._folder / SUMMARY, summary)

    def _require_same(self, settings: dict[str, Any]) -> None:
        now = json.loads(json.dumps(settings))
        if differing := differences(self._kept_settings(), now):
            raise other_settings(self._folder, differing)

    def _kept_settings(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self._folder / SETTINGS).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise EvaluationError(
                f"--out {self._folder} has samples, but its {SETTINGS} cannot be read: {error}. "
                "Use another folder."
            ) from error

    def _read(self) -> dict[str, dict[str, Any]]:
        """Read the complete lines, and remove an incomplete last one."""
        if not self._samples.is_file():
            return {}
        drop_half_line(self._samples)
        records: dict[str, dict[str, Any]] = {}
        problems: list[str] = []
        for line, row in scan_json_lines(self._samples):
            if isinstance(row, str) or "id" not in row:
                problems.append(f"{line}: {row if isinstance(row, str) else 'no id'}")
            else:
                records[row["id"]] = row
        if problems:
            raise EvaluationError.from_problems(
                str(self._samples), problems, "Remove these lines: their cases are then redone."
            )
        return records


def _is_empty_or_ours(folder: Path) -> bool:
    return folder.is_dir() and {*os.listdir(folder)} <= {SETTINGS, f"{SETTINGS}.part", LOCK}
