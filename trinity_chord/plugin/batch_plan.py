"""The batch numbers: worked out from prompts × rollouts and the expert share, in whole rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


class BatchPlanError(ValueError):
    """The batch numbers contradict each other; the message tells those that would be right."""


@dataclass(frozen=True)
class BatchPlan:
    """The rows of one train batch; one optimiser step takes all of them.

    Attributes:
        usual_rows: On-policy rows.
        expert_rows: Expert rows.
    """

    usual_rows: int
    expert_rows: int

    @property
    def train_batch_size(self) -> int:
        """All rows of the batch, which is also the mini-batch of the optimiser step."""
        return self.usual_rows + self.expert_rows


def parse_share(value: Any) -> Fraction:
    """Reads a share as the decimal number that was written (0.07 is 7/100 exactly).

    Raises:
        BatchPlanError: Not a number, or outside [0, 1].
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise BatchPlanError(f"the expert share is {value!r}, wanted a number in [0, 1]")
    share = Fraction(str(value))
    if not 0 <= share <= 1:
        raise BatchPlanError(f"the expert share is {value!r}, wanted a number in [0, 1]")
    return share


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
    if train_batch_size is None:
        plan = _from_rollouts(rollouts, share, expert_rows, ranks)
    else:
        plan = _from_batch(train_batch_size, share, expert_rows)
    _check_share(plan, share, expert_rows)
    _check_rollouts(plan, rollouts, share)
    _check_ranks(plan, ranks)
    return plan


def _from_batch(
    train_batch_size: int, share: Fraction | None, expert_rows: int | None
) -> BatchPlan:
    expert = expert_rows_of(share, train_batch_size) if expert_rows is None else expert_rows  # type: ignore[arg-type]
    if expert > train_batch_size:
        raise BatchPlanError(
            f"{expert} expert rows do not fit into a train batch of {train_batch_size}"
        )
    return BatchPlan(train_batch_size - expert, expert)


def _from_rollouts(
    rollouts: int | None, share: Fraction | None, expert_rows: int | None, ranks: int
) -> BatchPlan:
    if rollouts is None:
        raise BatchPlanError(
            "`buffer.train_batch_size` is missing, and there is no explorer whose prompts × "
            "rollouts would tell it; set it"
        )
    if share == 1:
        return BatchPlan(0, rollouts if expert_rows is None else expert_rows)
    if expert_rows is not None:
        return BatchPlan(rollouts, expert_rows)
    assert share is not None
    fitting = _batches_with(rollouts, share)
    return BatchPlan(rollouts, next((t for t in fitting if t % ranks == 0), fitting[0]) - rollouts)


def _batches_with(rollouts: int, share: Fraction) -> list[int]:
    """All batch sizes T whose on-policy part T - ⌈share·T⌉ is ``rollouts`` (share < 1)."""
    exact = rollouts / (1 - share)
    last = math.floor((rollouts + 1) / (1 - share))
    return [
        t for t in range(math.ceil(exact), last + 1) if t - expert_rows_of(share, t) == rollouts
    ]


def _check_share(plan: BatchPlan, share: Fraction | None, expert_rows: int | None) -> None:
    if share is None or expert_rows is None or share == 1:
        return
    right = expert_rows_of(share, plan.train_batch_size)
    if right != plan.expert_rows:
        raise BatchPlanError(
            f"`expert_rows` {expert_rows} and `expert_data_ratio` {float(share):g} contradict "
            f"each other in a train batch of {plan.train_batch_size}: the ratio asks for {right} "
            "rows; give one of the two"
        )


def _check_rollouts(plan: BatchPlan, rollouts: int | None, share: Fraction | None) -> None:
    if rollouts is None or plan.usual_rows in (0, rollouts):
        return
    if share is None:
        right = f"{rollouts + plan.expert_rows}"
    else:
        fitting = _batches_with(rollouts, share)
        right = " or ".join(map(str, fitting[:3]))
    raise BatchPlanError(
        f"a train batch of {plan.train_batch_size} with {plan.expert_rows} expert rows takes "
        f"{plan.usual_rows} on-policy rows a step, but the explorer makes {rollouts} "
        f"(`buffer.batch_size` × `algorithm.repeat_times`); right would be "
        f"`buffer.train_batch_size: {right}`, or leave it out"
    )


def _check_ranks(plan: BatchPlan, ranks: int) -> None:
    total = plan.train_batch_size
    if total % ranks == 0:
        return
    options = [
        f"`expert_rows: {rows}` (train batch {plan.usual_rows + rows}, share "
        f"{rows / (plan.usual_rows + rows):.3g})"
        for rows in (plan.expert_rows - total % ranks, plan.expert_rows + -total % ranks)
        if rows >= 0 and plan.usual_rows + rows > 0
    ]
    raise BatchPlanError(
        f"a train batch of {total} rows ({plan.usual_rows} on-policy, {plan.expert_rows} expert) "
        f"cannot be shared by the trainer's {ranks} data-parallel ranks; right would be "
        + " or ".join(options)
    )
