"""The key by which the expert rows know a rollout's task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trinity.common.experience import Experience

from trinity_chord.errors import ChordError
from trinity_chord.plugin.contract import Pairing
from trinity_chord.plugin.names import SAMPLE_ARGS, TASKSET
from trinity_chord.plugin.tasksets import read_task_keys

if TYPE_CHECKING:
    from trinity.common.config import TasksetConfig


class PairingError(ChordError, RuntimeError):
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
                f"rollout {rollout.eid.uid} has task_index {task!r} in its info, expected the "
                f"task's index, which Trinity's explorer writes. Set `{SAMPLE_ARGS}."
                "expert_pairing` only for rollouts that it made from a taskset file."
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
