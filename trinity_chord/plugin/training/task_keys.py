"""The key that ties a rollout's task to its expert rows."""

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
    """A rollout's task is unknown, or has no expert row although every task needs one."""


class TaskKeys:
    """Looks up the key that ties a rollout's task to its expert rows.

    Args:
        pairing: What ties an expert row to a task; None if nothing does.
        tasksets: The tasksets, which are read only if the key is one of their columns.

    Raises:
        ChordError: A taskset cannot be opened, or has no such column of keys.
    """

    def __init__(self, pairing: Pairing | None, tasksets: Sequence[TasksetConfig]) -> None:
        self._columns: list[list[str]] | None = None
        if pairing is not None and pairing.task_key is not None:
            self._columns = [read_task_keys(taskset, pairing.task_key) for taskset in tasksets]
        self._paired = pairing is not None

    def of(self, rollout: Experience) -> str:
        """Return the key of a rollout's task.

        Raises:
            PairingError: The rollout does not name its task, or the taskset has no such task.
        """
        task = (rollout.info or {}).get("task_index") or {}
        number, taskset = task.get("index"), task.get("taskset_id", 0)
        if not self._paired:
            return rollout.eid.tid if number is None else f"{taskset}/{number}"
        if number is None:
            raise PairingError(
                f"`info['task_index']` of rollout {rollout.eid.uid}: got {task!r}, expected the "
                f"index that Trinity's explorer writes; set `{SAMPLE_ARGS}.expert_pairing` only "
                "for rollouts that the explorer made from a taskset file"
            )
        if self._columns is None:
            return str(number)
        if taskset < len(self._columns) and number < len(self._columns[taskset]):
            return self._columns[taskset][number]
        raise PairingError(
            f"`{TASKSET}`: got tasksets of {[len(keys) for keys in self._columns]} tasks, expected "
            f"those of the rollouts; rollout {rollout.eid.uid} is of task {number} of taskset "
            f"{taskset}"
        )
