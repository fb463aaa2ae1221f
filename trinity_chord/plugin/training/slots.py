"""Pure functions that assign the expert slots of a batch to its prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from trinity.common.experience import Experience

from trinity_chord.objective import PromptRewards, prompt_rewards


@dataclass(frozen=True)
class Prompts:
    """The prompts of a batch, in the order of their first rollouts.

    Attributes:
        of_row: The number of each on-policy row's prompt, from 0.
        keys: The key of each prompt.
        rewards: The rewards of each prompt's rollouts.
    """

    of_row: list[int]
    keys: list[str]
    rewards: PromptRewards


def group_rollouts(rollouts: Sequence[Experience], key_of: Callable[[Experience], str]) -> Prompts:
    """Group on-policy rows by their prompt.

    A rollout of several steps has the reward of its last step, as in Trinity's multi-step GRPO. A
    row without a reward counts as 0.

    Args:
        rollouts: The on-policy rows, at least one.
        key_of: Returns the key of a row's task.
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


def best_rewards(rollouts: Sequence[Experience]) -> tuple[float, ...]:
    """Return the highest reward among the rollouts of each prompt; none without rollouts."""
    if not rollouts:
        return ()
    return tuple(group_rollouts(rollouts, lambda row: row.eid.tid).rewards.best.tolist())


def deal(wanted: Sequence[bool], visits: Sequence[int], slots: int) -> list[int]:
    """Assign expert slots to prompts in rounds, one slot per prompt and round.

    Every prompt gets ⌊slots / prompts⌋ slots, or one more. In each round, prompts that are to get
    expert rows come first, and among them those that have had the fewest. So if there are fewer
    slots than prompts, no slot goes to a prompt that is not to get a row, and no prompt is always
    passed over.

    Args:
        wanted: Whether each prompt is to get expert rows.
        visits: Number of expert rows that each prompt has had.
        slots: Expert rows of the batch.

    Returns:
        The number of each slot's prompt.
    """
    order = sorted(range(len(wanted)), key=lambda prompt: (not wanted[prompt], visits[prompt]))
    return [order[slot % len(order)] for slot in range(slots)]


def take_waiting(
    waiting: Sequence[str], failed: Sequence[str], slots: int
) -> tuple[list[str], list[str]]:
    """Draw from the prompts that wait for an expert row, and add those that failed in this batch.

    Prompts are drawn only if they fill all slots, the longest-waiting first. A prompt waits only
    once, however often it fails, and one that fails now is drawn in a later batch.

    Args:
        waiting: Keys of the prompts that wait.
        failed: Keys of the prompts that failed in this batch.
        slots: Expert rows of the batch, above 0.

    Returns:
        The keys that are drawn, ``slots`` of them or none, and the keys that wait afterwards.
    """
    drawn = list(waiting[:slots]) if len(waiting) >= slots else []
    return drawn, list(dict.fromkeys([*waiting[len(drawn) :], *failed]))
