"""Aggregation: from a whole batch's token counts to one normaliser per row.

Every aggregation mode is a weighted sum over tokens in which all tokens of a row weigh the
same. That one number per row is all a loss needs to be exact however the batch is cut: the
loss adds up ``normaliser[row] · Σ_tokens mask · loss``.
"""

from __future__ import annotations

import torch
from torch import Tensor

AGGREGATION_MODES = (
    "token-mean",
    "seq-mean-token-mean",
    "seq-mean-token-sum",
    "seq-mean-token-sum-norm",
)


def check_aggregation_mode(mode: str) -> None:
    """Raises ValueError where ``mode`` is none of `AGGREGATION_MODES`."""
    if mode not in AGGREGATION_MODES:
        raise ValueError(f"unknown aggregation mode {mode!r}: known are {list(AGGREGATION_MODES)}")


def row_normalizers(tokens: Tensor, mode: str, *, width: int) -> Tensor:
    """The factor by which each row's token sum enters the aggregate.

    ==========================  ==================================  =====================
    mode                        aggregate over rows i, tokens t     normaliser of row i
    ==========================  ==================================  =====================
    ``token-mean``              Σ_i Σ_t l / Σ_i T_i                 1 / Σ_i T_i
    ``seq-mean-token-mean``     1/N Σ_i (1/T_i) Σ_t l               1 / (N·T_i)
    ``seq-mean-token-sum``      1/N Σ_i Σ_t l                       1 / N
    ``seq-mean-token-sum-norm`` Σ_i Σ_t l / width                   1 / width
    ==========================  ==================================  =====================

    N counts every row, also one whose mask is all zero, as Trinity's ``aggregate_loss`` does;
    such a row adds 0 to every mode. CHORD's equations 1 and 2 are ``token-mean``.

    Args:
        tokens: T_i, the number of unmasked tokens of each row that is aggregated together
            (one kind of row of one whole batch), int, shape [N].
        mode: One of `AGGREGATION_MODES`.
        width: The response width of the whole batch in tokens, for ``seq-mean-token-sum-norm``.

    Returns:
        The normalisers, float64, shape [N]; 0 for a row without tokens.

    Raises:
        ValueError: The mode is unknown.
    """
    check_aggregation_mode(mode)
    counts = tokens.to(torch.float64)
    rows = counts.numel()
    if mode == "token-mean":
        divisor = counts.sum().expand_as(counts)
    elif mode == "seq-mean-token-mean":
        divisor = rows * counts
    elif mode == "seq-mean-token-sum":
        divisor = torch.full_like(counts, rows)
    else:
        divisor = torch.full_like(counts, width)
    return torch.where(counts > 0, 1.0 / divisor.clamp(min=1e-300), torch.zeros_like(counts))
