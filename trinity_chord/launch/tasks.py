"""Checks the explorer's tasks, which Trinity opens only after the GPUs are taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trinity.common.config import FormatConfig

from trinity_chord.dotted import load_dotted
from trinity_chord.plugin.names import TASKSET
from trinity_chord.plugin.tasksets import open_tasks, tasksets_of

if TYPE_CHECKING:
    from trinity.common.config import Config, ExplorerInput, TasksetConfig

EXPLORER_INPUT = "buffer.explorer_input"
KINDS = {"workflow": "workflow", "reward_fn": "reward function"}
KEYS = ("prompt_key", "response_key")
WITHOUT_TASKS = ("train", "serve")


def task_problems(config: Config) -> list[str]:
    """Return what is wrong with the tasks.

    Args:
        config: A configuration as loaded, before Trinity's validators.

    Returns:
        A text for each taskset that cannot be opened, has no rows, or lacks a column that its
        `format` names, and for each dotted path of a workflow or reward that cannot be imported.
    """
    if config.mode in WITHOUT_TASKS:
        return []
    explorer_input = config.buffer.explorer_input
    named = {EXPLORER_INPUT: explorer_input, **_tasksets_by_key(explorer_input)}
    problems: list[str] = []
    for key, section in named.items():
        problems += _unknown_names(key, section)
    for taskset in tasksets_of(config.buffer):
        if taskset.storage_type == "file" and taskset.path:
            problems += _file_problems(taskset)
    return problems


def _tasksets_by_key(explorer_input: ExplorerInput) -> dict[str, TasksetConfig]:
    if explorer_input.taskset is not None:
        return {TASKSET: explorer_input.taskset}
    listed = enumerate(explorer_input.tasksets)
    return {f"{EXPLORER_INPUT}.tasksets.{number}": taskset for number, taskset in listed}


def _unknown_names(key: str, section: ExplorerInput | TasksetConfig) -> Iterator[str]:
    """Yield the dotted paths that cannot be imported.

    A name without a dot may come from a plugin folder, which only a run knows.
    """
    for kind, what in KINDS.items():
        path = getattr(section, f"default_{kind}_type")
        if path and "." in path:
            try:
                load_dotted(what, path)
            except ValueError as error:
                yield f"`{key}.default_{kind}_type`: {error}"


def _file_problems(taskset: TasksetConfig) -> list[str]:
    try:
        rows = open_tasks(taskset)
    except ValueError as error:
        return [str(error)]
    if not len(rows):
        return [f"`{TASKSET}.path`: got {taskset.path!r}, which has no rows; expected tasks"]
    named = {key: getattr(taskset.format, key) for key in KEYS}
    return [
        f"`{TASKSET}.format.{key}`: got {column!r}, expected one of the columns of "
        f"{taskset.path!r}: {', '.join(rows.column_names)}"
        for key, column in named.items()
        if column != getattr(FormatConfig(), key) and column not in rows.column_names
    ]
