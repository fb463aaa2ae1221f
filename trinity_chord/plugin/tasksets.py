"""The explorer's tasksets: which there are, their rows, and the key of each task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trinity_chord.errors import ChordConfigError
from trinity_chord.expert_data import ExpertDataError
from trinity_chord.expert_data.pairs import as_keys
from trinity_chord.plugin.names import SAMPLE_ARGS, TASKSET

if TYPE_CHECKING:
    from trinity.common.config import BufferConfig, TasksetConfig
TASKS_EXPECTED = "a folder of data files or the id of a dataset"


def tasksets_of(buffer: BufferConfig) -> list[TasksetConfig]:
    """Return the tasksets, before or after Trinity's validators have moved a single one."""
    explorer_input = buffer.explorer_input
    single = explorer_input.taskset
    return [single] if single is not None else list(explorer_input.tasksets)


def open_tasks(taskset: TasksetConfig, key: str = TASKSET) -> Any:
    """Open a taskset as Trinity does.

    Args:
        taskset: The taskset.
        key: Its dotted key, for messages.

    Returns:
        A `datasets.Dataset`.

    Raises:
        ChordConfigError: It cannot be opened.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    try:
        return load_dataset(taskset.path, name=taskset.subset_name, split=taskset.split)
    except (DatasetsError, OSError, ValueError, TypeError) as error:
        raise ChordConfigError(
            f"`{key}.path`: got {taskset.path!r}, expected {TASKS_EXPECTED}; it cannot be opened: "
            f"{error}"
        ) from error


def read_task_keys(taskset: TasksetConfig, column: str | None) -> list[str]:
    """Return the key of each task.

    Args:
        taskset: The taskset.
        column: The column that holds the keys; None if the key is the task's number, from 0.

    Raises:
        ChordConfigError: The taskset cannot be opened, or has no such column of keys.
    """
    tasks = open_tasks(taskset)
    if column is None:
        return [str(number) for number in range(len(tasks))]
    key = f"`{SAMPLE_ARGS}.expert_pairing.task_key`"
    of_taskset = f"of `{TASKSET}` {taskset.name!r} ({taskset.path})"
    if column not in tasks.column_names:
        raise ChordConfigError(
            f"{key}: got {column!r}, expected one of the columns {of_taskset}: "
            + ", ".join(tasks.column_names)
        )
    try:
        return as_keys(tasks.with_format("arrow")[column][:])
    except ExpertDataError as error:
        raise ChordConfigError(
            f"{key}: got {column!r}, expected a column of keys {of_taskset}: {error}"
        ) from error
