"""Draws the expert rows of a batch for its prompts, and decides which of its rows count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trinity.common.experience import Experience

from trinity_chord.expert_data import ExpertDataError, ExpertStream
from trinity_chord.objective import GATES
from trinity_chord.plugin.contract import RowSettings
from trinity_chord.plugin.names import SAMPLE_ARGS
from trinity_chord.plugin.tasksets import tasksets_of
from trinity_chord.plugin.training.slots import Prompts, deal, group_rollouts, take_waiting
from trinity_chord.plugin.training.task_keys import PairingError, TaskKeys

if TYPE_CHECKING:
    from trinity.common.config import BufferConfig


@dataclass(frozen=True)
class Drawn:
    """The expert rows of a batch.

    Attributes:
        rows: The expert rows, the same number in every batch.
        is_open: Whether each row of the batch counts, on-policy rows first; None if all do.
        metrics: ``expert_data/paired_share`` and ``gate/...``.
    """

    rows: list[Experience]
    is_open: list[bool] | None = None
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Plan:
    """What each row and each expert slot of a batch gets.

    Attributes:
        slots: For each expert slot, whether it is open, and the key of its row, None for any row.
        on_policy_open: Whether each on-policy row counts.
        waiting: Keys of the prompts that wait for an expert row afterwards.
        metrics: What is logged.
    """

    slots: list[tuple[bool, str | None]]
    on_policy_open: list[bool]
    waiting: list[str]
    metrics: dict[str, float]


class RowLevel:
    """Pairs expert rows with the prompts of a batch and applies the gate.

    Each slot belongs to a prompt of the batch (see `deal`), or, if the gate waits, to a prompt that
    failed in an earlier batch. A slot is closed if the gate is closed for its prompt, or if its
    prompt has no expert row and is skipped. A closed slot holds the cheapest possible row, which
    does not count.

    A gate closes a prompt's rollouts only if an open slot replaces them, so that a prompt without
    an expert row, or without a slot, still learns from its rollouts.

    Args:
        stream: The expert stream.
        slots: Expert rows of a batch, above 0.
        settings: Settings of pairing and gate.
        buffer: Trinity's buffers, for the tasksets.

    Raises:
        ChordError: The keys of the tasks cannot be read.
    """

    def __init__(
        self, stream: ExpertStream, slots: int, settings: RowSettings, buffer: BufferConfig
    ) -> None:
        self._stream = stream
        self._slots = slots
        self._settings = settings
        self._gate = GATES.bind(settings.gate, **settings.gate_args)
        self._keys = TaskKeys(settings.pairing, tasksets_of(buffer))
        self._waiting: list[str] = []

    async def draw(self, rollouts: list[Experience]) -> Drawn:
        """Draw the expert rows for the prompts of a batch; on an exception, no position changes.

        Args:
            rollouts: The on-policy rows of the batch.

        Raises:
            PairingError: A rollout does not name its task, or its task has no expert row although
                `unpaired` is `error`.
            StopAsyncIteration: The random rows are exhausted.
        """
        plan = self._plan(group_rollouts(rollouts, self._keys.of))
        read = iter(await self._stream.read_for([key for is_open, key in plan.slots if is_open]))
        self._waiting = plan.waiting
        expert_open = [is_open for is_open, _ in plan.slots]
        fillers = iter(self._stream.fillers(expert_open.count(False)))
        return Drawn(
            rows=[next(read if is_open else fillers) for is_open in expert_open],
            is_open=[*plan.on_policy_open, *expert_open],
            metrics=plan.metrics,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the prompts that wait for an expert row, as JSON."""
        return {"waiting": list(self._waiting)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from what `state_dict` returned.

        Args:
            state: The state.

        Raises:
            ExpertDataError: The state is damaged.
        """
        waiting = state.get("waiting")
        if not isinstance(waiting, list) or not all(isinstance(key, str) for key in waiting):
            raise ExpertDataError(
                f"`row_level.waiting` of the saved state: got {waiting!r}, expected a list of "
                "keys; the state is damaged, so resume from another checkpoint"
            )
        self._waiting = list(waiting)

    def _plan(self, prompts: Prompts) -> _Plan:
        opened = self._gate(prompts.rewards)
        wanted = [
            is_open and self._can_serve(key)
            for is_open, key in zip(opened.expert.tolist(), prompts.keys, strict=True)
        ]
        if self._gate.waits:
            failed = [key for key, wants in zip(prompts.keys, wanted, strict=True) if wants]
            drawn, waiting = take_waiting(self._waiting, failed, self._slots)
            slots = [(True, self._read_key(key)) for key in drawn] or [(False, None)] * self._slots
            served: set[int] = set()
        else:
            waiting = []
            dealt = deal(wanted, [self._stream.visits(key) for key in prompts.keys], self._slots)
            slots = [
                (True, self._read_key(prompts.keys[prompt])) if wanted[prompt] else (False, None)
                for prompt in dealt
            ]
            served = {prompt for prompt in dealt if wanted[prompt]}
        on_policy = opened.on_policy.tolist()
        metrics = self._metrics(opened.expert.tolist(), slots, waiting)
        on_policy_open = [on_policy[prompt] or prompt not in served for prompt in prompts.of_row]
        return _Plan(slots, on_policy_open, waiting, metrics)

    def _can_serve(self, key: str) -> bool:
        """Return whether a prompt can get an expert row, its own or any other."""
        if self._stream.has(key) or self._settings.unpaired == "random":
            return True
        if self._settings.unpaired == "skip":
            return False
        raise PairingError(
            f"`{SAMPLE_ARGS}.unpaired`: got 'error', but the task with the key {key!r} has no "
            "expert row that fits; add a row, or set it to 'random' or 'skip'"
        )

    def _read_key(self, key: str) -> str | None:
        return key if self._stream.has(key) else None

    def _metrics(
        self, opened: list[bool], slots: list[tuple[bool, str | None]], waiting: list[str]
    ) -> dict[str, float]:
        metrics = {}
        if self._gate.name != "all":
            metrics["gate/open_share"] = sum(opened) / len(opened)
        if self._gate.waits:
            metrics["gate/waiting"] = float(len(waiting))
        read = [key for is_open, key in slots if is_open]
        if read:
            metrics["expert_data/paired_share"] = 1.0 - read.count(None) / len(read)
        return metrics
