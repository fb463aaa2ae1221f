"""Metrics that are those of the whole batch, for any micro-batch split."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from trinity_chord.objective import ExpertFigures

ROWS, NLL_SUM, NLL_SQUARES = "expert/seq_rows", "expert/seq_nll_sum", "expert/seq_nll_squares"

PROB_BINS = 20
# The share of expert tokens in each bin of p, by the bin's lower edge: expert/prob_hist/0.95.
PROB_HISTOGRAM = tuple(f"expert/prob_hist/{bin / PROB_BINS:.2f}" for bin in range(PROB_BINS))


def whole_batch_metrics(sums: dict[str, Tensor], dp_size: int, backend: str) -> dict[str, Any]:
    """Turn a micro-batch's partial sums into metrics that add up to those of the whole batch.

    verl adds up a SUM metric over micro-batches and averages it over the data-parallel ranks, so a
    partial sum times ``dp_size`` becomes the sum over the batch. All values are copied to the host
    at once.

    Args:
        sums: Scalars on the device, without a gradient.
        dp_size: Number of data-parallel ranks.
        backend: Trinity's name of the trainer.

    Returns:
        A `verl.utils.metric.Metric` for each name; plain floats if the trainer is not verl.
    """
    values = (torch.stack([value.detach() for value in sums.values()]) * dp_size).tolist()
    if backend != "verl":
        return dict(zip(sums, values, strict=True))
    from verl.utils.metric import Metric

    return {name: Metric("sum", value) for name, value in zip(sums, values, strict=True)}


def sequence_moments(logprob: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Return a micro-batch's part of the mean and variance over expert rows.

    These are the sums of 1, m and m² over the expert rows that have a token, with m the row's mean
    of -log π_θ.

    Args:
        logprob: log π_θ, floating point, shape [N, T] or [T].
        mask: The expert tokens that count, bool, same shape.

    Returns:
        Three scalars by their metric names, without a gradient.
    """
    tokens = mask.sum(-1)
    nll = -torch.where(mask, logprob.detach(), 0.0).sum(-1) / tokens.clamp(min=1)
    return {
        ROWS: (tokens > 0).to(nll.dtype).sum(),
        NLL_SUM: nll.sum(),
        NLL_SQUARES: nll.square().sum(),
    }


def prob_histogram(prob: Tensor, mask: Tensor, token_norm: Tensor) -> dict[str, Tensor]:
    """Return a micro-batch's part of the histogram of expert token probabilities.

    Tokens are counted per row as integers, so the order of counting does not matter, and without
    copying anything to the host.

    Args:
        prob: π_θ of each token, floating point, shape [N, T] or [T].
        mask: The expert tokens that count, bool, same shape.
        token_norm: 1 / (expert tokens in the whole batch), shape [N] or [].

    Returns:
        The share of tokens in each bin by its metric name; the last bin includes p = 1.
    """
    last = torch.full((), PROB_BINS - 1, dtype=prob.dtype, device=prob.device)
    bins = torch.fmin(prob * PROB_BINS, last).long()  # puts NaN in the last bin
    counts = torch.zeros(*mask.shape[:-1], PROB_BINS, dtype=torch.int64, device=mask.device)
    counts.scatter_add_(-1, bins, mask.long())
    shares = (counts * token_norm.unsqueeze(-1)).reshape(-1, PROB_BINS).sum(0)
    return dict(zip(PROB_HISTOGRAM, shares.unbind(), strict=True))


def take_expert_figures(metrics: dict[str, Any]) -> ExpertFigures | None:
    """Replace the sums of `sequence_moments` by the mean and variance over the expert rows.

    Args:
        metrics: A train step's metrics, by the names that Trinity logs; changed in place:
            ``actor/expert/seq_nll`` and ``actor/expert/seq_nll_variance`` replace the three sums.

    Returns:
        The figures; None if the step trained on no expert row.
    """
    rows, total, squares = (
        float(metrics.pop(f"actor/{name}", 0.0)) for name in (ROWS, NLL_SUM, NLL_SQUARES)
    )
    if not rows:
        return None
    mean = total / rows
    variance = max(squares / rows - mean * mean, 0.0)  # rounding can make it slightly negative
    metrics["actor/expert/seq_nll"] = mean
    metrics["actor/expert/seq_nll_variance"] = variance
    return ExpertFigures(
        nll_mean=mean,
        nll_variance=variance,
        token_weight=float(metrics["actor/expert/weight"]),
    )
