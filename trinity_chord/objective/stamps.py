"""Stamps: the numbers that each row carries from where the whole batch is known to the loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from trinity_chord.objective.aggregation import row_normalizers


@dataclass(frozen=True)
class RowStamps:
    """The stamps of the rows of a batch, all of shape [N]; 0 for a closed row.

    Attributes:
        loss_coef: The factor of the row's token sum in the whole loss: (1-μ)·normalizer for an
            on-policy row, μ·(row weight)·normalizer for an expert row.
        loss_norm: The normalizer alone, without μ and the row weight: Σ loss_norm · token sum
            over the rows of a kind is the aggregate of that kind.
        token_norm: 1 / (tokens of the row's kind in the batch): Σ token_norm · token sum over
            the rows of a kind is a mean over the tokens of that kind.
    """

    loss_coef: Float64[Tensor, " n"]
    loss_norm: Float64[Tensor, " n"]
    token_norm: Float64[Tensor, " n"]


def stamp_rows(
    tokens: Int[Tensor, " n"],
    expert: Bool[Tensor, " n"],
    *,
    mu: float,
    width: int,
    on_policy_mode: str = "token-mean",
    expert_mode: str = "token-mean",
    row_weight: Float[Tensor, " n"] | None = None,
    is_open: Bool[Tensor, " n"] | None = None,
) -> RowStamps:
    """Compute the stamps of a whole batch for L = (1-μ)·L_GRPO + μ·L_SFT (CHORD eq. 3).

    A closed row is treated as absent: neither its tokens nor the row itself are counted, so that a
    mean is over the open rows. A kind without an open row adds 0. A row weight, in contrast,
    scales a row and leaves the normalizer unchanged.

    Args:
        tokens: Unmasked response tokens of each row, shape [N].
        expert: True for an expert row, False for an on-policy one, shape [N].
        mu: μ of this step, in [0, 1].
        width: Response width of the open rows in tokens (`seq-mean-token-sum-norm` only).
        on_policy_mode: Aggregation mode of the on-policy rows.
        expert_mode: Aggregation mode of the expert rows.
        row_weight: A weight per row, applied to expert rows only, shape [N]; 1 if None.
        is_open: False for a closed row of either kind, shape [N]; all rows are open if None.

    Returns:
        The stamps.

    Raises:
        ValueError: μ is outside [0, 1], or a mode is unknown.
    """
    if not 0.0 <= mu <= 1.0:
        raise ValueError(f"mu: got {mu!r}, expected a number in [0, 1]")
    norm = torch.zeros(tokens.shape, dtype=torch.float64)
    token_norm = torch.zeros_like(norm)
    counted = torch.ones_like(expert) if is_open is None else is_open
    for rows, mode in ((~expert & counted, on_policy_mode), (expert & counted, expert_mode)):
        norm[rows] = row_normalizers(tokens[rows], mode, width=width)
        token_norm[rows] = row_normalizers(tokens[rows], "token-mean", width=width)
    factor = torch.full_like(norm, 1.0 - mu)
    factor[expert] = mu
    if row_weight is not None:
        factor = torch.where(expert, factor * row_weight.to(torch.float64), factor)
    return RowStamps(loss_coef=factor * norm, loss_norm=norm, token_norm=token_norm)
