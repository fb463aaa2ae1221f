"""The jobs of a configuration: the folder of each, and its steps, planned and done."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trinity.common.config import Config


@dataclass(frozen=True)
class Job:
    """One job of Trinity: a run, or one stage of it.

    Attributes:
        folder: Its checkpoint folder.
        trains: Whether it has a trainer.
        planned_steps: Training steps to reach; None if that depends on the data.
        trainer: Name of the trainer.
        explorer: Name of the explorer.
    """

    folder: Path
    trains: bool
    planned_steps: int | None
    trainer: str
    explorer: str

    def steps_done(self) -> int:
        """Return the number of training steps saved in a checkpoint."""
        return self._latest(self.trainer)

    def missing(self) -> str | None:
        """Return the steps that the job did not reach as text, None if it is complete."""
        if not self.trains:
            return None
        done, planned = self.steps_done(), self.planned_steps
        if planned is None:
            planned = max(self._latest(self.explorer), 1)
        return None if done >= planned else f"{self.folder.name}: {done} of {planned} steps done"

    def _latest(self, role: str) -> int:
        path = self.folder / f"{role}_meta.json"
        if not path.exists():
            return 0
        return int(json.loads(path.read_text(encoding="utf-8")).get("latest_iteration", 0))


def rename_if_taken(config: Config) -> None:
    """Rename a run that must not continue in its existing folder, as Trinity would do later.

    Trinity renames it in its own process, so the new name would not be known here.
    """
    folder = config.get_checkpoint_job_dir()
    taken = os.path.isdir(folder) and os.listdir(folder)
    if taken and not config.continue_from_checkpoint and config.mode != "bench":
        config.name = f"{config.name}_{datetime.now():%Y%m%d%H%M%S}"


def jobs_of(config: Config) -> list[Job]:
    """Return the jobs of a configuration, one per stage."""
    return [_job(stage) for stage in (config if config.stages else [config])]


def _job(config: Config) -> Job:
    planned = config.trainer.total_steps
    if planned is None and config.mode in ("both", "colocate") and config.buffer.total_steps:
        sync = config.synchronizer
        explorer = sync.explorer_sync_interval or sync.sync_interval
        trainer = sync.trainer_sync_interval or sync.sync_interval
        planned = config.buffer.total_steps * trainer // explorer
    return Job(
        folder=Path(os.path.abspath(config.get_checkpoint_job_dir())),
        trains=config.mode in ("both", "train", "colocate"),
        planned_steps=planned,
        trainer=config.trainer.name,
        explorer=config.explorer.name,
    )
