"""Checks the explorer's tasks, which Trinity opens only after the GPUs are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trinity.common.config import FormatConfig

from trinity_chord.plugin.tasksets import TASKS_EXPECTED, open_tasks

if TYPE_CHECKING:
    from trinity.common.config import Config, ExplorerInput, TasksetConfig

EXPLORER_INPUT = "buffer.explorer_input"
KEYS = ("prompt_key", "response_key")
OPTIONAL_KEYS = ("system_prompt_key", "workflow_key", "reward_fn_key", "image_key", "video_key")
WITHOUT_TASKS = ("train", "serve")


def task_problems(config: Config) -> list[str]:
    """Return what is wrong with the tasks.

    Args:
        config: A configuration as loaded, before Trinity's validators.

    Returns:
        A text for each taskset, of training or evaluation, that cannot be opened, has no rows, or
        lacks a column that its `format` names.
    """
    if config.mode in WITHOUT_TASKS:
        return []
    problems: list[str] = []
    for key, taskset in tasksets_by_key(config.buffer.explorer_input).items():
        if taskset.storage_type == "file" and taskset.path:
            problems += _file_problems(key, taskset)
        elif not taskset.path and "eval_tasksets" in key:
            problems.append(f"`{key}.path`: got {taskset.path!r}, expected {TASKS_EXPECTED}")
    return problems


def tasksets_by_key(explorer_input: ExplorerInput) -> dict[str, TasksetConfig]:
    """Return the tasksets of training and evaluation by their dotted keys."""
    single = {"taskset": explorer_input.taskset} if explorer_input.taskset is not None else {}
    listed = {
        f"{name}.{number}": taskset
        for name in ("tasksets", "eval_tasksets")
        for number, taskset in enumerate(getattr(explorer_input, name))
    }
    return {f"{EXPLORER_INPUT}.{name}": taskset for name, taskset in {**single, **listed}.items()}


def _file_problems(key: str, taskset: TasksetConfig) -> list[str]:
    try:
        rows = open_tasks(taskset, key)
    except ValueError as error:
        return [str(error)]
    if not len(rows):
        return [f"`{key}.path`: got {taskset.path!r}, which has no rows; expected tasks"]
    form = taskset.format
    named = {each: getattr(form, each) for each in (*KEYS, *OPTIONAL_KEYS)}
    return [
        f"`{key}.format.{each}`: got {column!r}, expected one of the columns of "
        f"{taskset.path!r}: {', '.join(rows.column_names)}"
        for each, column in named.items()
        if column and column != getattr(FormatConfig(), each) and column not in rows.column_names
    ]
