"""The jobs of a configuration: where each is kept, how many steps it wants, how many it did."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trinity.common.config import Config


@dataclass(frozen=True)
class Job:
    """One job of Trinity: a run, or a stage of one.

    Attributes:
        folder: Its checkpoint folder.
        trains: Whether it has a trainer.
        wanted_steps: Training steps it is to reach, None where only its data tells.
        trainer: Name of the trainer.
        explorer: Name of the explorer.
    """

    folder: Path
    trains: bool
    wanted_steps: int | None
    trainer: str
    explorer: str

    def steps_done(self) -> int:
        """The training steps that are in a checkpoint."""
        return self._latest(self.trainer)

    def missing(self) -> str | None:
        """Says what the job did not reach, None where it did all it was to do."""
        if not self.trains:
            return None
        done, wanted = self.steps_done(), self.wanted_steps
        if wanted is None:
            wanted = max(self._latest(self.explorer), 1)
        return None if done >= wanted else f"{self.folder.name}: {done} of {wanted} steps done"

    def _latest(self, role: str) -> int:
        path = self.folder / f"{role}_meta.json"
        if not path.exists():
            return 0
        return int(json.loads(path.read_text(encoding="utf-8")).get("latest_iteration", 0))


def settle_name(config: Config) -> None:
    """Gives a run that must not go on in an old folder a new name, as Trinity would do later.

    Trinity does it when it validates the configuration, and tells nobody the name.
    """
    folder = config.get_checkpoint_job_dir()
    taken = os.path.isdir(folder) and os.listdir(folder)
    if taken and not config.continue_from_checkpoint and config.mode != "bench":
        config.name = f"{config.name}_{datetime.now():%Y%m%d%H%M%S}"


def jobs_of(config: Config) -> list[Job]:
    """Lists the jobs of a configuration, one a stage."""
    return [_job(stage) for stage in (config if config.stages else [config])]


def _job(config: Config) -> Job:
    wanted = config.trainer.total_steps
    if wanted is None and config.mode in ("both", "colocate") and config.buffer.total_steps:
        sync = config.synchronizer
        explorer = sync.explorer_sync_interval or sync.sync_interval
        trainer = sync.trainer_sync_interval or sync.sync_interval
        wanted = config.buffer.total_steps * trainer // explorer
    return Job(
        folder=Path(os.path.abspath(config.get_checkpoint_job_dir())),
        trains=config.mode in ("both", "train", "colocate"),
        wanted_steps=wanted,
        trainer=config.trainer.name,
        explorer=config.explorer.name,
    )
