"""Reads the metrics that `RecordingMonitor` has written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trinity_chord.report.recorder import metrics_file


class MetricsTail:
    """Follows a metrics file while it is written.

    Args:
        path: The file; it need not exist yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.offset = 0

    def new_lines(self) -> list[dict[str, Any]]:
        """Returns the lines written since the last call; a half-written one waits."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self.offset)
            text = file.read()
        whole, _, _ = text.rpartition(b"\n")
        if not whole:
            return []
        self.offset += len(whole) + 1
        return [json.loads(line) for line in whole.splitlines()]


def read_history(job_dir: str | Path, role: str) -> list[dict[str, Any]]:
    """Reads all metrics of a role, one dict a step; lines of one step are merged.

    After a resume a step can stand in the file twice: the later line holds.
    """
    steps: dict[int, dict[str, Any]] = {}
    for line in MetricsTail(metrics_file(job_dir, role)).new_lines():
        steps.setdefault(line["step"], {}).update(line)
    return [steps[step] for step in sorted(steps)]
