"""Metrics that are the whole batch's figure, however the trainer cuts it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


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
