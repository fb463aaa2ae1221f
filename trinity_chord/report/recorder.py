"""A Trinity monitor that writes all metrics and the configuration to files.

The user's own monitor gets them, too.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf
from trinity.common.config import Config
from trinity.utils.monitor import MONITOR, Monitor

from trinity_chord.report.settings import hide_secrets

RECORDER = "trinity_chord.report.recorder.RecordingMonitor"


def add_recorder(config: Config) -> None:
    """Wrap the monitor of a configuration in the recorder, in place; idempotent."""
    monitor = config.monitor
    if monitor.monitor_type != RECORDER:
        monitor.monitor_args = {"inner": monitor.monitor_type, "inner_args": monitor.monitor_args}
        monitor.monitor_type = RECORDER


def metrics_file(job_dir: str | Path, role: str) -> Path:
    """Return the file with the metrics of a role.

    Args:
        job_dir: The checkpoint folder of the job.
        role: `trainer` or `explorer`.
    """
    return Path(job_dir) / "monitor" / "metrics" / f"{role}.jsonl"


def config_file(job_dir: str | Path) -> Path:
    """Return the file with the configuration of a job."""
    return Path(job_dir) / "monitor" / "metrics" / "config.json"


def append_metrics(path: Path, step: int, metrics: Mapping[str, float]) -> None:
    """Add a line to a metrics file, with the time of now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = {"step": step, "time": time.time(), **metrics}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


class RecordingMonitor(Monitor):
    """Writes one line of JSON per call of `log`, and forwards every call to the inner monitor.

    A line holds ``step``, ``time`` (seconds since the epoch) and the metrics that are numbers. The
    configuration, without secrets, is written once at the start.

    Args:
        project: Project name, for the inner monitor.
        group: Group name, for the inner monitor.
        name: Run name, for the inner monitor.
        role: `trainer` or `explorer`.
        config: Trinity's configuration, with the ``monitor.monitor_args`` of `add_recorder`.
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
        _save_config(inner_config, config_file(config.checkpoint_job_dir))
        self.closed = False

    def log_table(self, table_name: str, experiences_table: pd.DataFrame, step: int) -> None:
        """Forward a table to the inner monitor."""
        self.inner.log_table(table_name, experiences_table, step)

    def log(self, data: dict[str, Any], step: int, commit: bool = False) -> None:
        """Write the numbers in ``data``, and forward all of it to the inner monitor.

        Trinity may close its monitor before the last step ends. That step is still written,
        because it may have a checkpoint, but not forwarded.
        """
        numbers = {key: _number(value) for key, value in data.items()}
        append_metrics(
            self.path, step, {key: value for key, value in numbers.items() if value is not None}
        )
        if not self.closed:
            self.inner.log(data, step, commit)

    def close(self) -> None:
        """Close the inner monitor once."""
        if not self.closed:
            self.closed = True
            self.inner.close()

    def __del__(self) -> None:
        """Do nothing: Trinity's monitors close themselves here, and so does the inner one."""


def _save_config(config: Config, path: Path) -> None:
    """Write a configuration as JSON; trainer and explorer may do so at the same time."""
    values = OmegaConf.to_container(OmegaConf.structured(config), enum_to_str=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    text = json.dumps(hide_secrets(values), indent=2, ensure_ascii=False, default=str)
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(path)


def _number(value: Any) -> float | None:
    """Return a number or a tensor or array of one element as a float, None for anything else."""
    if isinstance(value, (bool, int, float)):
        return float(value)
    item = getattr(value, "item", None)
    return float(item()) if item is not None and getattr(value, "size", 1) == 1 else None
