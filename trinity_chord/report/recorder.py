"""A Trinity monitor that writes every metric to a file beside the monitor that the user chose."""

from __future__ import annotations

import json
import os
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
from trinity.common.config import Config
from trinity.utils.monitor import MONITOR, Monitor

RECORDER = "trinity_chord.report.recorder.RecordingMonitor"


def record(config: Config) -> None:
    """Puts the recorder before the monitor that a configuration names. Twice is as once."""
    monitor = config.monitor
    if monitor.monitor_type != RECORDER:
        monitor.monitor_args = {"inner": monitor.monitor_type, "inner_args": monitor.monitor_args}
        monitor.monitor_type = RECORDER


def metrics_file(job_dir: str | Path, role: str) -> Path:
    """Where the metrics of a role (`trainer`, `explorer`) of a job are written."""
    return Path(job_dir) / "monitor" / "metrics" / f"{role}.jsonl"


class RecordingMonitor(Monitor):
    """Writes one JSON line a call of `log` and passes everything on to the inner monitor.

    A line holds ``step``, ``time`` (seconds since the epoch) and the metrics that are numbers.

    Args:
        project: As Trinity gives it.
        group: As Trinity gives it.
        name: As Trinity gives it.
        role: `trainer` or `explorer`.
        config: Trinity's configuration; ``monitor.monitor_args`` are those that `record` wrote.
    """

    def __init__(
        self, project: str, group: str, name: str, role: str, config: Config | None = None
    ) -> None:
        assert config is not None
        args = config.monitor.monitor_args or {}
        inner_config = deepcopy(config)
        inner_config.monitor.monitor_type = args["inner"]
        inner = MONITOR.get(args["inner"])
        inner_args = args.get("inner_args")
        inner_config.monitor.monitor_args = (
            inner.default_args() if inner_args is None else inner_args
        )
        self.inner = inner(project=project, group=group, name=name, role=role, config=inner_config)
        self.path = metrics_file(config.checkpoint_job_dir, role)
        os.makedirs(self.path.parent, exist_ok=True)
        self.closed = False

    def log_table(self, table_name: str, experiences_table: pd.DataFrame, step: int) -> None:
        """Passes the table on."""
        self.inner.log_table(table_name, experiences_table, step)

    def log(self, data: dict[str, Any], step: int, commit: bool = False) -> None:
        """Writes the numbers of ``data`` and passes everything on.

        Trinity closes its monitor while a step may still be under way. That step is written too,
        as it may have a checkpoint; the inner monitor then gets nothing any more.
        """
        numbers = {key: _number(value) for key, value in data.items()}
        line = {"step": step, "time": time.time()}
        line.update({key: value for key, value in numbers.items() if value is not None})
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if not self.closed:
            self.inner.log(data, step, commit)

    def close(self) -> None:
        """Closes the inner monitor."""
        if not self.closed:
            self.closed = True
            self.inner.close()

    def __del__(self) -> None:
        """Trinity's monitors close themselves; the inner one does it on its own."""


def _number(value: Any) -> float | None:
    if isinstance(value, (bool, int, float)):
        return float(value)
    item = getattr(value, "item", None)
    return float(item()) if item is not None and getattr(value, "size", 1) == 1 else None
