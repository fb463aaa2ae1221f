"""Pairs expert rows with the tasks that the explorer works on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trinity.common.experience import Experience
from trinity.utils.log import get_logger

from trinity_chord.experts import ExpertDataError, ExpertStream
from trinity_chord.experts.pairs import as_keys
from trinity_chord.plugin.batch_plan import BatchPlan
from trinity_chord.plugin.problems import Problems
from trinity_chord.plugin.row_settings import Pairing, RowSettings

if TYPE_CHECKING:
    from trinity.common.config import BufferConfig, Config, TasksetConfig

ARGS = "algorithm.sample_strategy_args"
TASKSET = "buffer.explorer_input.taskset"


class PairingError(RuntimeError):
    """A rollout whose task cannot be told, or a task without an expert row where each needs one."""


class TaskKeys:
    """The key by which each rollout's task is known to the expert rows.

    Args:
        pairing: What ties an expert row to a task; None where nothing does.
        tasksets: The tasksets; they are read only where the key is a column of theirs.

    Raises:
        ExpertDataError: A taskset cannot be opened, or has no such column of keys.
    """

    def __init__(self, pairing: Pairing | None, tasksets: Sequence[TasksetConfig]) -> None:
        self._columns: list[list[str]] | None = None
        if pairing is not None and pairing.task_key is not None:
            self._columns = [read_task_keys(taskset, pairing.task_key) for taskset in tasksets]
        self._paired = pairing is not None

    def of(self, rollout: Experience) -> str:
        """Returns the key of a rollout's task.

        Raises:
            PairingError: The rollout does not tell its task, or the taskset has no such task.
        """
        task = (rollout.info or {}).get("task_index") or {}
        number, taskset = task.get("index"), task.get("taskset_id", 0)
        if not self._paired:
            return rollout.eid.tid if number is None else f"{taskset}/{number}"
        if number is None:
            raise PairingError(
                f"rollout {rollout.eid.uid} has task_index {task!r} in its info, wanted the "
                f"task's index, which Trinity's explorer writes. Set `{ARGS}.expert_pairing` only "
                "for rollouts that it made from a taskset file."
            )
        if self._columns is None:
            return str(number)
        if taskset < len(self._columns) and number < len(self._columns[taskset]):
            return self._columns[taskset][number]
        raise PairingError(
            f"rollout {rollout.eid.uid} belongs to task {number} of taskset {taskset}, but the "
            f"tasksets have {[len(keys) for keys in self._columns]} tasks: `{TASKSET}` is not the "
            "one that it was made from."
        )


def tasksets_of(buffer: BufferConfig) -> list[TasksetConfig]:
    """Returns the tasksets, before and after Trinity's validators have moved a single one."""
    explorer_input = buffer.explorer_input
    single = explorer_input.taskset
    return [single] if single is not None else list(explorer_input.tasksets)


def read_task_keys(taskset: TasksetConfig, column: str | None) -> list[str]:
    """Returns the key of each task: its number, or what a column holds.

    Raises:
        ExpertDataError: The taskset cannot be opened, or has no such column of keys.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    name = f"`{TASKSET}` {taskset.name!r} ({taskset.path})"
    try:
        tasks: Any = load_dataset(taskset.path, name=taskset.subset_name, split=taskset.split)
    except (DatasetsError, OSError, ValueError, TypeError) as error:
        raise ExpertDataError(f"{name} cannot be opened: {error}") from error
    if column is None:
        return [str(number) for number in range(len(tasks))]
    if column not in tasks.column_names:
        raise ExpertDataError(
            f"`{ARGS}.expert_pairing.task_key` is {column!r}, which is not a column of {name}. "
            f"The columns are: {', '.join(tasks.column_names)}. Set the key to one of them."
        )
    try:
        return as_keys(tasks.with_format("arrow")[column][:])
    except ExpertDataError as error:
        raise ExpertDataError(
            f"{name} cannot be paired by its column {column!r}: {error}"
        ) from error


def check_rows(
    config: Config, rows: RowSettings, plan: BatchPlan, stream: ExpertStream, problems: Problems
) -> None:
    """Checks that the batch has prompts, and that their tasks have expert rows.

    Args:
        config: Trinity's configuration.
        rows: The settings.
        plan: The rows of a train batch.
        stream: The expert stream, opened.
        problems: Collects what is wrong.
    """
    if not rows.active:
        return
    if plan.pure == "imitation":
        problems.add_text(
            f"`{ARGS}`: `expert_pairing` and `gate` look at the prompts of a batch's on-policy "
            "rows, and this run has none; give an `expert_data_ratio` below 1"
        )
        return
    _check_groups(config, rows, problems)
    tasksets = tasksets_of(config.buffer)
    if rows.pairing is None:
        return
    if rows.pairing.task_key is None and len(tasksets) > 1:
        problems.add(
            f"{ARGS}.expert_pairing",
            "task_index",
            f"{{expert_key: COLUMN, task_key: COLUMN}} where there are {len(tasksets)} tasksets",
        )
    elif tasksets:
        _check_cover(tasksets, rows.pairing, rows.unpaired, stream, problems)
    elif rows.pairing.task_key is not None:
        problems.add(TASKSET, None, "the taskset that `expert_pairing.task_key` is a column of")


def check_without_experts(rows: RowSettings, problems: Problems) -> None:
    """Checks that no gate waits for expert rows in a run without any."""
    if rows.gate != "all":
        problems.add(f"{ARGS}.gate", rows.gate, "none in a run without expert rows")


def _check_groups(config: Config, rows: RowSettings, problems: Problems) -> None:
    """A gate never sees the prompts whose groups the explorer has already dropped."""
    found = (config.algorithm.advantage_fn_args or {}).get("std_threshold")
    if rows.gate != "all" and found is not None:
        problems.add(
            "algorithm.advantage_fn_args.std_threshold",
            found,
            f"none beside the gate {rows.gate!r}",
            "it drops the groups of equal rewards, which are those of prompts that fail",
        )


def _check_cover(
    tasksets: Sequence[TasksetConfig],
    pairing: Pairing,
    unpaired: str,
    stream: ExpertStream,
    problems: Problems,
) -> None:
    try:
        keys = [key for taskset in tasksets for key in read_task_keys(taskset, pairing.task_key)]
    except ExpertDataError as error:
        problems.add_text(str(error))
        return
    missing = [number for number, key in enumerate(keys) if not stream.has(key)]
    found = (
        f"found {len(keys) - len(missing):,} of {len(keys):,} tasks with an expert row that fits"
    )
    if not missing or (unpaired != "error" and len(missing) < len(keys)):
        get_logger(__name__).info("CHORD: %s; `unpaired` is %s.", found, unpaired)
        return
    first = f"the first without one is task {missing[0]} (counted from 0), key {keys[missing[0]]!r}"
    if len(missing) == len(keys):
        wanted = "wanted some"
        remedy = "Name the columns, or the sets, that belong together"
    else:
        wanted = "wanted all"
        remedy = f"Add rows, or set `{ARGS}.unpaired` to `random` or `skip`"
    problems.add_text(f"`{ARGS}.expert_pairing`: {found}, {wanted}; {first}. {remedy}.")
