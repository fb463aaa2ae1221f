"""Where a run writes: its names, which become folders, and the folder of the checkpoints."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trinity_chord.errors import Problems

if TYPE_CHECKING:
    from trinity.common.config import Config

LONGEST = 200  # Bytes; file systems take 255, and Trinity appends a date.
FOLDER_NAME = "a name of one folder: no slash, not `.` or `..`, and at most 200 bytes"


def check_places(config: Config, problems: Problems, *, here: bool) -> None:
    """Check the names of a run and of its stages, and the folder of the checkpoints.

    Args:
        config: The configuration as loaded.
        problems: Collects what is wrong.
        here: Whether the run writes to this machine.
    """
    for key, name in (("project", config.project), ("name", config.name)):
        if not is_folder_name(name):
            problems.add(key, name, FOLDER_NAME)
    if config.group and not is_folder_name(config.group):
        problems.add("group", config.group, FOLDER_NAME)
    _check_stage_names(config, problems)
    _check_root(config.checkpoint_root_dir, problems, here=here)


def is_folder_name(name: str) -> bool:
    """Return whether a name can be the name of one folder."""
    is_one = name.strip() not in ("", ".", "..") and not set(name) & {"/", os.sep, "\0"}
    return is_one and len(name.encode("utf-8", "replace")) <= LONGEST


def _check_stage_names(config: Config, problems: Problems) -> None:
    names = [stage.stage_name for stage in config.stages]
    for number, name in enumerate(names):
        if not is_folder_name(name):
            problems.add(f"stages.{number}.stage_name", name, FOLDER_NAME)
        elif name in names[:number]:
            problems.add(
                f"stages.{number}.stage_name",
                name,
                "a name of its own",
                f"stage {names.index(name)} has it, and both would write to the same folder",
            )


def _check_root(root: str, problems: Problems, *, here: bool) -> None:
    key = "checkpoint_root_dir"
    if "\0" in root:
        problems.add(key, root, "the path of a folder")
        return
    nearest = Path(os.path.abspath(root))
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        problems.add(key, root, "a folder", f"{nearest} is a file")
    elif here and not os.access(nearest, os.W_OK | os.X_OK):
        problems.add(key, root, "a folder that can be written", f"{nearest} cannot")
