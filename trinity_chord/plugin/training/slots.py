"""Which prompt each expert slot of a batch belongs to, and what it gets: pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from trinity.common.experience import Experience

from trinity_chord.objective import PromptRewards, prompt_rewards


@dataclass(frozen=True)
class Prompts:
    """The prompts of a batch, in the order in which their first rollout stands in it.

    Attributes:
        of_row: The prompt of each on-policy row, from 0.
        keys: The key of each prompt.
        rewards: What the rollouts of each prompt have earned.
    """

    of_row: list[int]
    keys: list[str]
    rewards: PromptRewards


def group_rollouts(rollouts: Sequence[Experience], key_of: Callable[[Experience], str]) -> Prompts:
    """Groups on-policy rows by their prompt.

    The reward of a rollout of several steps is that of its last step, as in Trinity's multi-step
    GRPO. A row without a reward counts as 0.

    Args:
        rollouts: The on-policy rows, at least one.
        key_of: Tells the key of a row's task.
    """
    first: dict[str, Experience] = {}
    last: dict[str, int] = {}
    for row in rollouts:
        first.setdefault(row.eid.tid, row)
        last[row.eid.rid] = max(row.eid.step, last.get(row.eid.rid, row.eid.step))
    number = {tid: prompt for prompt, tid in enumerate(first)}
    ends = [row for row in rollouts if row.eid.step == last[row.eid.rid]]
    return Prompts(
        of_row=[number[row.eid.tid] for row in rollouts],
        keys=[key_of(row) for row in first.values()],
        rewards=prompt_rewards(
            torch.tensor([row.reward or 0.0 for row in ends], dtype=torch.float64),
            torch.tensor([number[row.eid.tid] for row in ends]),
            len(first),
        ),
    )


def deal(wanted: Sequence[bool], visits: Sequence[int], slots: int) -> list[int]:
    """Deals expert slots to prompts, one each in rounds.

    Every prompt gets ⌊slots / prompts⌋ or one more. Those that want expert rows come first in a
    round, and among them those that have had the fewest, so that where slots are scarce none is
    spent on a prompt that wants none, and no prompt is always left out.

    Args:
        wanted: Whether a prompt wants an expert row, one of each prompt.
        visits: How many expert rows each prompt has had.
        slots: Expert rows of the batch.

    Returns:
        The prompt of each slot.
    """
    order = sorted(range(len(wanted)), key=lambda prompt: (not wanted[prompt], visits[prompt]))
    return [order[slot % len(order)] for slot in range(slots)]


def take_waiting(
    waiting: Sequence[str], failed: Sequence[str], slots: int
) -> tuple[list[str], list[str]]:
    """Draws from the prompts that wait for an expert row and adds those that failed just now.

    Only a full batch of expert rows is drawn, the longest-waiting prompts first; a prompt waits
    once however often it fails, and one that fails now is drawn in a later batch.

    Args:
        waiting: The keys of the prompts that wait.
        failed: The keys of the prompts that failed in this batch.
        slots: Expert rows of the batch, above 0.

    Returns:
        The keys that are drawn, ``slots`` of them or none, and those that wait then.
    """
    drawn = list(waiting[:slots]) if len(waiting) >= slots else []
    return drawn, list(dict.fromkeys([*waiting[len(drawn) :], *failed]))
