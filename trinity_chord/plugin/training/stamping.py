"""Stamps each row of a batch with its coefficient, in the form in which Trinity carries it."""

from __future__ import annotations

import math
from functools import cache
from itertools import compress
from typing import Any

import torch
from torch import Tensor
from trinity.common.experience import CustomField, Experience

from trinity_chord.objective import stamp_rows
from trinity_chord.plugin.contract import row_fields


@cache
def custom_fields(backend: str) -> list[CustomField]:
    """Return the fields of `row_fields` as Trinity declares them on a row.

    Args:
        backend: Trinity's name of the trainer, ``'verl'`` or ``'tinker'``.
    """
    return [CustomField(each.info_key, each.name, each.dtype) for each in row_fields(backend)]


def stamp(
    on_policy: list[Experience],
    experts: list[Experience],
    *,
    mu: float,
    on_policy_mode: str,
    expert_mode: str,
    backend: str = "verl",
    is_open: list[bool] | None = None,
) -> dict[str, float]:
    """Stamp every row of a train batch with the numbers that the losses need.

    Args:
        on_policy: The on-policy rows; changed in place.
        experts: The expert rows; changed in place.
        mu: μ of this step, in [0, 1].
        on_policy_mode: Aggregation mode of the on-policy rows.
        expert_mode: Aggregation mode of the expert rows.
        backend: Trinity's name of the trainer, ``'verl'`` or ``'tinker'``.
        is_open: Whether each row counts, on-policy rows first; None if all do.

    Returns:
        Metrics of the whole batch: μ, and for each kind the number of rows, of open rows and of
        their tokens, and their mean response length.

    Raises:
        ValueError: μ is outside [0, 1], or a mode is unknown.
    """
    rows = [*on_policy, *experts]
    tokens = torch.tensor([_tokens(row) for row in rows], dtype=torch.int64)
    expert = torch.arange(len(rows)) >= len(on_policy)
    counted = torch.tensor(is_open or [True] * len(rows))
    stamps = stamp_rows(
        tokens,
        expert,
        mu=mu,
        width=max((_length(row) for row in compress(rows, counted)), default=0),
        on_policy_mode=on_policy_mode,
        expert_mode=expert_mode,
        is_open=counted,
    )
    values: dict[str, list[Any]] = {
        "is_expert": expert.tolist(),
        "loss_coef": stamps.loss_coef.tolist(),
        "loss_norm": stamps.loss_norm.tolist(),
        "token_norm": stamps.token_norm.tolist(),
        "batch_rows": [len(rows)] * len(rows),
        "no_reference": [math.nan] * len(rows),
    }
    keys = [field.info_key for field in row_fields(backend)]
    for number, row in enumerate(rows):
        row.info = {**(row.info or {}), **{key: values[key][number] for key in keys}}
        row.custom_fields = custom_fields(backend)
    return {
        "actor/mu": mu,
        **_kind_metrics("usual", rows, tokens, ~expert, counted),
        **_kind_metrics("expert", rows, tokens, expert, counted),
    }


def as_expert(row: Experience) -> Experience:
    """Fill in place, with zeros, what Trinity expects of every row and an expert row lacks.

    Returns:
        The same row.
    """
    length = _length(row)
    row.reward = 0.0
    row.logprobs = torch.zeros(length, dtype=torch.float32)
    row.advantages = torch.zeros(length, dtype=torch.float32)
    row.returns = torch.zeros(length, dtype=torch.float32)
    return row


def _tokens(row: Experience) -> int:
    return _length(row) if row.action_mask is None else int(row.action_mask.sum())


def _length(row: Experience) -> int:
    return len(row.tokens) - row.prompt_length


def _kind_metrics(
    kind: str, rows: list[Experience], tokens: Tensor, of_kind: Tensor, counted: Tensor
) -> dict[str, float]:
    open_rows = of_kind & counted
    metrics = {
        f"actor/{kind}/rows": float(of_kind.sum()),
        f"actor/{kind}/open_rows": float(open_rows.sum()),
        f"actor/{kind}/tokens": float(tokens[open_rows].sum()),
    }
    lengths = [_length(row) for row in compress(rows, open_rows)]
    if lengths:
        metrics[f"actor/{kind}/response_length"] = sum(lengths) / len(lengths)
    return metrics
