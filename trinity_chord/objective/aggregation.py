"""Aggregation: from a whole batch's token counts to one normalizer per row.

Every aggregation mode is a weighted sum over tokens in which all tokens of a row have the same
weight. With that one number per row, ``normalizer[row] · Σ_tokens mask · loss`` can be summed over
the rows in any micro-batch split and stays exact.
"""

from __future__ import annotations

import torch
from jaxtyping import Float64, Int
from torch import Tensor

AGGREGATION_MODES = (
    "token-mean",
    "seq-mean-token-mean",
    "seq-mean-token-sum",
    "seq-mean-token-sum-norm",
)


def check_aggregation_mode(mode: str) -> None:
    """Raise ValueError unless ``mode`` is one of `AGGREGATION_MODES`."""
    if mode not in AGGREGATION_MODES:
        raise ValueError(
            f"unknown aggregation mode {mode!r}: expected one of {list(AGGREGATION_MODES)}"
        )


def row_normalizers(tokens: Int[Tensor, " n"], mode: str, *, width: int) -> Float64[Tensor, " n"]:
    """Compute the factor by which each row's token sum enters the aggregate.

    ==========================  ==================================  =====================
    mode                        aggregate over rows i, tokens t     normalizer of row i
    ==========================  ==================================  =====================
    ``token-mean``              Σ_i Σ_t l / Σ_i T_i                 1 / Σ_i T_i
    ``seq-mean-token-mean``     1/N Σ_i (1/T_i) Σ_t l               1 / (N·T_i)
    ``seq-mean-token-sum``      1/N Σ_i Σ_t l                       1 / N
    ``seq-mean-token-sum-norm`` Σ_i Σ_t l / width                   1 / width
    ==========================  ==================================  =====================

    N counts every row, including rows without an unmasked token, as Trinity's ``aggregate_loss``
    does; such a row adds 0 in every mode. CHORD's equations 1 and 2 are ``token-mean``.

    Args:
        tokens: T_i, the number of unmasked tokens of each row that is aggregated together (the
            rows of one kind of one whole batch), shape [N].
        mode: One of `AGGREGATION_MODES`.
        width: The response width of the whole batch in tokens, for ``seq-mean-token-sum-norm``.

    Returns:
        The normalizers, shape [N]; 0 for a row without tokens.

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
