"""The batch numbers: worked out from prompts × rollouts and the expert share, in whole rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from trinity_chord.errors import ChordError
from trinity_chord.plugin.config.checks import is_number


class BatchPlanError(ChordError, ValueError):
    """The batch numbers contradict each other; the message tells those that would be right."""


@dataclass(frozen=True)
class BatchPlan:
    """The rows of one train batch; one optimiser step takes all of them.

    Attributes:
        on_policy_rows: On-policy rows.
        expert_rows: Expert rows.
    """

    on_policy_rows: int
    expert_rows: int

    @property
    def train_batch_size(self) -> int:
        """All rows of the batch, which is also the mini-batch of the optimiser step."""
        return self.on_policy_rows + self.expert_rows

    @property
    def pure(self) -> str | None:
        """``"rl"`` without expert rows, ``"imitation"`` without on-policy rows, else None."""
        if self.expert_rows == 0:
            return "rl"
        return "imitation" if self.on_policy_rows == 0 else None


def parse_share(value: Any) -> Fraction:
    """Reads a share as the decimal number that was written (0.07 is 7/100 exactly).

    Raises:
        BatchPlanError: Not a number, or outside [0, 1].
    """
    if not is_number(value) or not 0 <= value <= 1:
        raise BatchPlanError(f"the expert share is {value!r}, expected a number in [0, 1]")
    return Fraction(str(value))


def expert_rows_of(share: Fraction, train_batch_size: int) -> int:
    """⌈share · batch⌉, as Trinity's `mix` sample strategy rounds, without its float errors."""
    return math.ceil(share * train_batch_size)


def plan_batch(
    *,
    rollouts: int | None,
    share: Fraction | None = None,
    expert_rows: int | None = None,
    train_batch_size: int | None = None,
    ranks: int = 1,
) -> BatchPlan:
    """Works out the rows of a train batch.

    Args:
        rollouts: On-policy rows that the explorer makes for one training step (prompts ×
            rollouts a prompt); None where they come from a stored buffer.
        share: Expert rows / all rows. At least one of ``share`` and ``expert_rows`` is needed.
        expert_rows: Expert rows of a batch.
        train_batch_size: All rows, where the user has set them.
        ranks: Data-parallel ranks of the trainer; each takes the same number of rows.

    Returns:
        The plan.

    Raises:
        BatchPlanError: The numbers contradict each other, or the ranks cannot share the batch.
    """
    if rollouts is not None and rollouts < 1:
        raise BatchPlanError(
            f"`buffer.batch_size` × `algorithm.repeat_times` is {rollouts} rows a training step, "
            "expected 1 or more"
        )
    if train_batch_size is None:
        plan = _from_rollouts(rollouts, share, expert_rows, ranks)
    else:
        plan = _from_batch(train_batch_size, share, expert_rows)
    _check_share(plan, share, expert_rows)
    _check_rollouts(plan, rollouts, share, ranks)
    _check_ranks(plan, rollouts, ranks)
    return plan


def _from_batch(
    train_batch_size: int, share: Fraction | None, expert_rows: int | None
) -> BatchPlan:
    if train_batch_size < 1:
        raise BatchPlanError(f"`buffer.train_batch_size` is {train_batch_size}, expected 1 or more")
    if expert_rows is None:
        assert share is not None
        expert_rows = expert_rows_of(share, train_batch_size)
    if expert_rows > train_batch_size:
        raise BatchPlanError(
            f"{expert_rows} expert rows do not fit into a train batch of {train_batch_size}; "
            f"right would be `buffer.train_batch_size: {expert_rows}` or more, or leave it out"
        )
    return BatchPlan(train_batch_size - expert_rows, expert_rows)


def _from_rollouts(
    rollouts: int | None, share: Fraction | None, expert_rows: int | None, ranks: int
) -> BatchPlan:
    if share == 1 and expert_rows:
        return BatchPlan(0, expert_rows)
    if rollouts is None:
        raise BatchPlanError(
            "`buffer.train_batch_size` is not set, and there is no explorer whose prompts × "
            "rollouts would tell it; expected the rows of a train batch, on-policy and expert"
        )
    if share == 1:
        return BatchPlan(0, rollouts)
    if expert_rows is not None:
        return BatchPlan(rollouts, expert_rows)
    assert share is not None
    return BatchPlan(rollouts, _batch_with(rollouts, share, ranks) - rollouts)


def _batch_with(rollouts: int, share: Fraction, ranks: int) -> int:
    """A batch size T whose on-policy part T - ⌈share·T⌉ is ``rollouts`` (share < 1).

    T - ⌈share·T⌉ = ⌊(1-share)·T⌋, so every T in [rollouts / (1-share), (rollouts+1) / (1-share))
    is right: the first one that ``ranks`` divides is taken, else the first.
    """
    first = math.ceil(rollouts / (1 - share))
    end = math.ceil((rollouts + 1) / (1 - share))
    divided = math.ceil(Fraction(first, ranks)) * ranks
    return divided if divided < end else first


def _check_share(plan: BatchPlan, share: Fraction | None, expert_rows: int | None) -> None:
    if share is None or expert_rows is None:
        return
    right = expert_rows_of(share, plan.train_batch_size)
    if right != expert_rows or plan.train_batch_size == 0:
        raise BatchPlanError(
            f"`expert_rows` {expert_rows} and `expert_data_ratio` {float(share):g} contradict "
            f"each other in a train batch of {plan.train_batch_size}: the ratio asks for {right} "
            "rows; give one of the two"
        )


def _check_rollouts(
    plan: BatchPlan, rollouts: int | None, share: Fraction | None, ranks: int
) -> None:
    if rollouts is None or share == 1 or plan.on_policy_rows == rollouts:
        return
    right = rollouts + plan.expert_rows if share is None else _batch_with(rollouts, share, ranks)
    raise BatchPlanError(
        f"a train batch of {plan.train_batch_size} with {plan.expert_rows} expert rows takes "
        f"{plan.on_policy_rows} on-policy rows a step, but the explorer makes {rollouts} "
        f"(`buffer.batch_size` × `algorithm.repeat_times`); right would be "
        f"`buffer.train_batch_size: {right}`, or leave it out"
    )


def _check_ranks(plan: BatchPlan, rollouts: int | None, ranks: int) -> None:
    total = plan.train_batch_size
    if total % ranks == 0:
        return
    sizes = [size for size in (total - total % ranks, total + -total % ranks) if size > 0]
    if rollouts is None:
        right = " or ".join(f"`buffer.train_batch_size: {size}`" for size in sizes)
    elif plan.pure == "rl":
        right = "`buffer.batch_size` × `algorithm.repeat_times` = " + " or ".join(map(str, sizes))
    else:
        right = " or ".join(
            f"`expert_rows: {size - plan.on_policy_rows}` without a ratio (train batch {size})"
            for size in sizes
            if size > plan.on_policy_rows
        )
    raise BatchPlanError(
        f"a train batch of {total} rows ({plan.on_policy_rows} on-policy, {plan.expert_rows} "
        f"expert) cannot be shared by the trainer's {ranks} data-parallel ranks; right would be "
        + right
    )
