"""Metrics that are the whole batch's figure, however the trainer cuts it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from trinity_chord.objective import ExpertFigures

ROWS, NLL_SUM, NLL_SQUARES = "expert/seq_rows", "expert/seq_nll_sum", "expert/seq_nll_squares"


def whole_batch_metrics(sums: dict[str, Tensor], dp_size: int, backend: str) -> dict[str, Any]:
    """Turns a micro-batch's partial sums into metrics that add up to the whole batch's.

    verl adds a SUM metric over micro-batches and averages it over the data-parallel ranks, so a
    partial sum times ``dp_size`` comes out as the sum over the batch. All the figures go to the
    host in one copy.

    Args:
        sums: Scalars on the device, without a gradient.
        dp_size: Data-parallel ranks.
        backend: Trinity's name of the trainer; the sums are plain floats where it is not verl.

    Returns:
        A value for each name: `verl.utils.metric.Metric`, or a float.
    """
    values = (torch.stack([value.detach() for value in sums.values()]) * dp_size).tolist()
    if backend != "verl":
        return dict(zip(sums, values, strict=True))
    from verl.utils.metric import Metric

    return {name: Metric("sum", value) for name, value in zip(sums, values, strict=True)}


def sequence_moments(logprob: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """The micro-batch's part of what mean and variance over expert rows are made of.

    Sums of 1, m and m² over the expert rows that have a token, with m a row's mean of -log π_θ.

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


def take_expert_figures(metrics: dict[str, Any]) -> ExpertFigures | None:
    """Puts mean and variance over the expert rows in the place of the sums they are made of.

    Args:
        metrics: A train step's metrics, by the names that Trinity logs; changed in place:
            ``actor/expert/seq_nll`` and ``actor/expert/seq_nll_variance`` replace three sums.

    Returns:
        The figures; None where the step has trained on no expert row.
    """
    rows, total, squares = (
        float(metrics.pop(f"actor/{name}", 0.0)) for name in (ROWS, NLL_SUM, NLL_SQUARES)
    )
    if not rows:
        return None
    mean = total / rows
    variance = max(squares / rows - mean * mean, 0.0)  # rounding can put it just below 0
    metrics["actor/expert/seq_nll"] = mean
    metrics["actor/expert/seq_nll_variance"] = variance
    return ExpertFigures(
        nll_mean=mean,
        nll_variance=variance,
        token_weight=float(metrics["actor/expert/weight"]),
    )
