"""The explorer's tasksets: which there are, their rows, and the key of each task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trinity_chord.expert_data import ExpertDataError
from trinity_chord.expert_data.pairs import as_keys
from trinity_chord.plugin.names import SAMPLE_ARGS, TASKSET

if TYPE_CHECKING:
    from trinity.common.config import BufferConfig, TasksetConfig


def tasksets_of(buffer: BufferConfig) -> list[TasksetConfig]:
    """Returns the tasksets, before and after Trinity's validators have moved a single one."""
    explorer_input = buffer.explorer_input
    single = explorer_input.taskset
    return [single] if single is not None else list(explorer_input.tasksets)


def open_tasks(taskset: TasksetConfig) -> Any:
    """Opens a taskset as Trinity does.

    Raises:
        ValueError: It cannot be opened.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    try:
        return load_dataset(taskset.path, name=taskset.subset_name, split=taskset.split)
    except (DatasetsError, OSError, ValueError, TypeError) as error:
        raise ValueError(
            f"`{TASKSET}.path`: {taskset.path!r} cannot be opened: {error}; expected a folder of "
            "data files or the id of a dataset"
        ) from error


def read_task_keys(taskset: TasksetConfig, column: str | None) -> list[str]:
    """Return the key of each task: its number, or the value of a column.

    Raises:
        ExpertDataError: The taskset cannot be opened, or has no such column of keys.
    """
    name = f"`{TASKSET}` {taskset.name!r} ({taskset.path})"
    try:
        tasks = open_tasks(taskset)
    except ValueError as error:
        raise ExpertDataError(str(error)) from error
    if column is None:
        return [str(number) for number in range(len(tasks))]
    if column not in tasks.column_names:
        raise ExpertDataError(
            f"`{SAMPLE_ARGS}.expert_pairing.task_key` is {column!r}, which is not a column of "
            f"{name}. The columns are: {', '.join(tasks.column_names)}. Set the key to one of them."
        )
    try:
        return as_keys(tasks.with_format("arrow")[column][:])
    except ExpertDataError as error:
        raise ExpertDataError(
            f"{name} cannot be paired by its column {column!r}: {error}"
        ) from error
