"""Reads the metrics that `RecordingMonitor` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trinity_chord.json_lines import parse_object
from trinity_chord.report.recorder import metrics_file


class MetricsTail:
    """Follows a metrics file while a run writes it.

    Args:
        path: The file, which need not exist yet.

    Attributes:
        problems: Why a line was left out, one text for each.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.offset = 0
        self.problems: list[str] = []

    def new_lines(self) -> list[dict[str, Any]]:
        """Return the lines written since the last call, without an unfinished last one."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self.offset)
            text = file.read()
        complete, _, _ = text.rpartition(b"\n")
        if not complete:
            return []
        self.offset += len(complete) + 1
        return [line for text in complete.split(b"\n") if (line := self._parse(text)) is not None]

    def _parse(self, text: bytes) -> dict[str, Any] | None:
        """Return a line; None if it is damaged, as after a full disk."""
        try:
            line = parse_object(text)
            if not isinstance(line.get("step"), (int, float)):
                raise ValueError("got no `step`, expected a number")
        except ValueError as error:
            self.problems.append(f"{self.path.name}: a line is left out: {error}")
            return None
        return line


def read_history(job_dir: str | Path, role: str) -> list[dict[str, Any]]:
    """Read all metrics of a role, one dict per step.

    The lines of a step are merged. A resumed run may have logged a step twice: the later values
    are kept.

    Args:
        job_dir: The checkpoint folder of the job.
        role: `trainer` or `explorer`.

    Returns:
        ``step``, ``time`` and the metrics of each step, in the order of the steps.
    """
    steps: dict[int, dict[str, Any]] = {}
    for line in MetricsTail(metrics_file(job_dir, role)).new_lines():
        steps.setdefault(line["step"], {}).update(line)
    return [steps[step] for step in sorted(steps)]
