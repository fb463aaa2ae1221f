"""The batch numbers, derived from prompts × rollouts and the expert share in whole rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from trinity_chord.errors import ChordConfigError
from trinity_chord.plugin.names import SAMPLE_ARGS

BATCH = "buffer.train_batch_size"
ROLLOUTS = "`buffer.batch_size` × `algorithm.repeat_times`"


@dataclass(frozen=True)
class BatchPlan:
    """The rows of one train batch; one optimizer step takes all of them.

    Attributes:
        on_policy_rows: On-policy rows.
        expert_rows: Expert rows.
    """

    on_policy_rows: int
    expert_rows: int

    @property
    def train_batch_size(self) -> int:
        """All rows of the batch, which is also the mini-batch of the optimizer step."""
        return self.on_policy_rows + self.expert_rows

    @property
    def pure(self) -> str | None:
        """``"rl"`` without expert rows, ``"imitation"`` without on-policy rows, else None."""
        if self.expert_rows == 0:
            return "rl"
        return "imitation" if self.on_policy_rows == 0 else None


def exact_share(share: float) -> Fraction:
    """Return a share as the decimal number that was written: 0.07 is 7/100."""
    return Fraction(str(share))


def expert_rows_of(share: Fraction, train_batch_size: int) -> int:
    """Return ⌈share · batch⌉, as Trinity's `mix` strategy rounds, but without its float errors."""
    return math.ceil(share * train_batch_size)


def plan_batch(
    *,
    rollouts: int | None,
    share: Fraction | None = None,
    expert_rows: int | None = None,
    train_batch_size: int | None = None,
    ranks: int = 1,
) -> BatchPlan:
    """Derive the rows of a train batch.

    Args:
        rollouts: On-policy rows that the explorer makes per training step (prompts × rollouts per
            prompt); None if they come from a stored buffer.
        share: Expert rows / all rows. At least one of ``share`` and ``expert_rows`` is required.
        expert_rows: Expert rows of a batch.
        train_batch_size: All rows, if the user set them.
        ranks: Data-parallel ranks of the trainer; each takes the same number of rows.

    Returns:
        The plan.

    Raises:
        ChordConfigError: The numbers contradict each other, or the ranks cannot share the batch.
    """
    if rollouts is not None and rollouts < 1:
        raise ChordConfigError(
            f"{ROLLOUTS}: got {rollouts} rollouts per training step, expected 1 or more"
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
        raise ChordConfigError(f"`{BATCH}`: got {train_batch_size}, expected 1 or more")
    if expert_rows is None:
        assert share is not None
        expert_rows = expert_rows_of(share, train_batch_size)
    if expert_rows > train_batch_size:
        raise ChordConfigError(
            f"`{BATCH}`: got {train_batch_size}, expected {expert_rows} or more, because that is "
            "the number of expert rows; or leave it out"
        )
    return BatchPlan(train_batch_size - expert_rows, expert_rows)


def _from_rollouts(
    rollouts: int | None, share: Fraction | None, expert_rows: int | None, ranks: int
) -> BatchPlan:
    if share == 1 and expert_rows:
        return BatchPlan(0, expert_rows)
    if rollouts is None:
        raise ChordConfigError(
            f"`{BATCH}`: got None, expected the rows of a train batch, on-policy and expert "
            "together; without an explorer they cannot be derived"
        )
    if share == 1:
        return BatchPlan(0, rollouts)
    if expert_rows is not None:
        return BatchPlan(rollouts, expert_rows)
    assert share is not None
    return BatchPlan(rollouts, _batch_with(rollouts, share, ranks) - rollouts)


def _batch_with(rollouts: int, share: Fraction, ranks: int) -> int:
    """Return a batch size T whose on-policy part T - ⌈share·T⌉ is ``rollouts``, for share < 1.

    T - ⌈share·T⌉ = ⌊(1-share)·T⌋, so every T in [rollouts / (1-share), (rollouts+1) / (1-share))
    qualifies. The first one that ``ranks`` divides is taken, or else the first.
    """
    first = math.ceil(rollouts / (1 - share))
    end = math.ceil((rollouts + 1) / (1 - share))
    divided = math.ceil(Fraction(first, ranks)) * ranks
    return divided if divided < end else first


def _check_share(plan: BatchPlan, share: Fraction | None, expert_rows: int | None) -> None:
    if share is None or expert_rows is None:
        return
    expected = expert_rows_of(share, plan.train_batch_size)
    if expected != expert_rows or plan.train_batch_size == 0:
        raise ChordConfigError(
            f"`{SAMPLE_ARGS}.expert_rows`: got {expert_rows}, expected {expected}, which is "
            f"`expert_data_ratio` {float(share):g} of a train batch of {plan.train_batch_size} "
            "rows; give one of the two"
        )


def _check_rollouts(
    plan: BatchPlan, rollouts: int | None, share: Fraction | None, ranks: int
) -> None:
    if rollouts is None or share == 1 or plan.on_policy_rows == rollouts:
        return
    size = rollouts + plan.expert_rows if share is None else _batch_with(rollouts, share, ranks)
    raise ChordConfigError(
        f"`{BATCH}`: got {plan.train_batch_size}, expected {size}, or leave it out; the explorer "
        f"makes {rollouts} rollouts per training step ({ROLLOUTS}), but a batch of "
        f"{plan.train_batch_size} with {plan.expert_rows} expert rows takes {plan.on_policy_rows}"
    )


def _check_ranks(plan: BatchPlan, rollouts: int | None, ranks: int) -> None:
    total = plan.train_batch_size
    if total % ranks == 0:
        return
    sizes = [size for size in (total - total % ranks, total + -total % ranks) if size > 0]
    if rollouts is None:
        choices = [f"`{BATCH}: {size}`" for size in sizes]
    elif plan.pure == "rl":
        choices = [f"{ROLLOUTS} = " + " or ".join(map(str, sizes))]
    else:
        choices = [
            f"`expert_rows: {size - plan.on_policy_rows}` without a ratio (train batch {size})"
            for size in sizes
            if size > plan.on_policy_rows
        ]
    raise ChordConfigError(
        f"`{BATCH}`: got {total} rows ({plan.on_policy_rows} on-policy, {plan.expert_rows} "
        f"expert), expected a multiple of the trainer's {ranks} data-parallel ranks; set "
        + " or ".join(choices)
    )
