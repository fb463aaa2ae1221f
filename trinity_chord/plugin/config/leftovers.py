"""Takes back what a refused configuration has left on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trinity_chord.plugin.config.stream_args import cache_folder

if TYPE_CHECKING:
    from trinity.common.config import Config


def remove_empty_folders(config: Config) -> None:
    """Removes the job's folders, and the expert cache, where they hold nothing.

    Trinity makes the job's folder before it asks the algorithm; where it stayed, the corrected
    run would be taken for a second one of this name and renamed.

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
