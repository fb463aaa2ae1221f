"""Checks the tasks of the explorer, which Trinity opens only after the GPUs are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trinity.common.config import FormatConfig

from trinity_chord.dotted import load_dotted
from trinity_chord.plugin.names import TASKSET
from trinity_chord.plugin.tasksets import open_tasks, tasksets_of

if TYPE_CHECKING:
    from trinity.common.config import Config, ExplorerInput, TasksetConfig

KINDS = {"workflow": "workflow", "reward_fn": "reward function"}
KEYS = ("prompt_key", "response_key")
WITHOUT_TASKS = ("train", "serve")


def task_problems(config: Config) -> list[str]:
    """Says what is wrong with the files of the tasks.

    Args:
        config: A configuration as loaded.

    Returns:
        A text for each taskset that cannot be opened, has no row, or lacks a column that
        `format` names, and for each dotted path of a workflow or a reward that leads nowhere.
    """
    if config.mode in WITHOUT_TASKS:
        return []
    given = config.buffer.explorer_input
    tasksets = tasksets_of(config.buffer)
    return _problems_of_names(given, tasksets) + [
        problem
        for taskset in tasksets
        if taskset.storage_type == "file" and taskset.path
        for problem in _problems_of(taskset)
    ]


def _problems_of_names(given: ExplorerInput, tasksets: list[TasksetConfig]) -> list[str]:
    """Names without a dot may come from a folder of plugins, which only a run knows."""
    named = {
        getattr(each, f"default_{kind}_type"): (kind, what)
        for each in (given, *tasksets)
        for kind, what in KINDS.items()
    }
    problems = []
    for path, (kind, what) in named.items():
        if path and "." in path:
            try:
                load_dotted(what, path)
            except ValueError as error:
                problems.append(f"`buffer.explorer_input.default_{kind}_type`: {error}")
    return problems


def _problems_of(taskset: TasksetConfig) -> list[str]:
    try:
        rows = open_tasks(taskset)
    except ValueError as error:
        return [str(error)]
    if not len(rows):
        return [f"`{TASKSET}.path`: {taskset.path!r} has no row, expected some tasks"]
    named = {key: getattr(taskset.format, key) for key in KEYS}
    return [
        f"`{TASKSET}.format.{key}`: got {column!r}, expected one of the columns of "
        f"{taskset.path!r}: {', '.join(rows.column_names)}"
        for key, column in named.items()
        if column != getattr(FormatConfig(), key) and column not in rows.column_names
    ]
