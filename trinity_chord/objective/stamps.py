"""Stamps: the numbers that a row carries from where the whole batch is known to the loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trinity_chord.objective.aggregation import row_normalizers


@dataclass(frozen=True)
class RowStamps:
    """What each row of a batch carries. All float64, shape [N]; 0 in a row that is closed.

    Attributes:
        loss_coef: The factor of the row's token sum in the whole loss: (1-μ)·normaliser for an
            on-policy row, μ·(row weight)·normaliser for an expert row.
        loss_norm: The normaliser alone, free of μ and of the row weight: Σ loss_norm · token sum
            over the rows of a kind is the kind's aggregated figure.
        token_norm: 1 / (tokens of the row's kind in the batch): Σ token_norm · token sum over
            the rows of a kind is a mean over the kind's tokens.
    """

    loss_coef: Tensor
    loss_norm: Tensor
    token_norm: Tensor


def stamp_rows(
    tokens: Tensor,
    expert: Tensor,
    *,
    mu: float,
    width: int,
    on_policy_mode: str = "token-mean",
    expert_mode: str = "token-mean",
    row_weight: Tensor | None = None,
    is_open: Tensor | None = None,
) -> RowStamps:
    """Weighs every row of a whole batch for L = (1-μ)·L_GRPO + μ·L_SFT (CHORD eq. 3).

    A closed row is as good as not in the batch: it counts neither among the tokens nor among the
    rows of its kind, so that a mean stays a mean over what is open. A kind with no open row adds
    0. A row weight, unlike it, scales a row and leaves the normaliser alone.

    Args:
        tokens: Unmasked response tokens of each row, int, shape [N].
        expert: True for an expert row, False for an on-policy one, bool, shape [N].
        mu: μ of this step, in [0, 1].
        width: Response width of the open rows in tokens (`seq-mean-token-sum-norm` only).
        on_policy_mode: Aggregation of the on-policy rows.
        expert_mode: Aggregation of the expert rows.
        row_weight: A weight for each row, applied to expert rows, shape [N]; all 1 if None.
        is_open: False for a row that is closed, of either kind, bool, shape [N]; all open if None.

    Returns:
        The stamps, one number per row each.

    Raises:
        ValueError: μ outside [0, 1] or an unknown mode.
    """
    if not 0.0 <= mu <= 1.0:
        raise ValueError(f"mu is {mu!r}, expected a number in [0, 1]")
    norm = torch.zeros(tokens.shape, dtype=torch.float64)
    token_norm = torch.zeros_like(norm)
    counted = torch.ones_like(expert) if is_open is None else is_open
    for rows, mode in ((~expert & counted, on_policy_mode), (expert & counted, expert_mode)):
        norm[rows] = row_normalizers(tokens[rows], mode, width=width)
        token_norm[rows] = row_normalizers(tokens[rows], "token-mean", width=width)
    share = torch.full_like(norm, 1.0 - mu)
    share[expert] = mu
    if row_weight is not None:
        share = torch.where(expert, share * row_weight.to(torch.float64), share)
    return RowStamps(loss_coef=share * norm, loss_norm=norm, token_norm=token_norm)
