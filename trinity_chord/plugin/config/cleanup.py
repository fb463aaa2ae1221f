"""Removes the empty folders that a refused configuration leaves behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trinity_chord.plugin.config.stream_args import cache_folder

if TYPE_CHECKING:
    from trinity.common.config import Config


def remove_empty_folders(config: Config) -> None:
    """Remove the job's folders and the expert cache if they are empty.

    Trinity creates the job's folder before it calls the algorithm's check. If the folder stayed,
    the corrected run would be renamed because its name is taken.

    Args:
        config: Trinity's configuration, refused during its validation.
    """
    root = Path(config.checkpoint_root_dir)
    folders = [Path(cache_folder(config))]
    if config.checkpoint_job_dir:
        job = Path(config.checkpoint_job_dir)
        folders += [job / "monitor", job, *job.parents]
    for folder in folders:
        if root in folder.parents and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
