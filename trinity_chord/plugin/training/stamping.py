"""Puts the whole batch's numbers on its rows, in the form in which Trinity carries them."""

from __future__ import annotations

import math
from itertools import compress

import torch
from torch import Tensor
from trinity.common.experience import CustomField, Experience

from trinity_chord.objective import stamp_rows

ROW_FIELDS = [
    CustomField("is_expert", "expert_mask", torch.bool),
    CustomField("loss_coef", "loss_coef", torch.float32),
    CustomField("loss_norm", "loss_norm", torch.float32),
    CustomField("token_norm", "token_norm", torch.float32),
]
# What Trinity's Tinker trainer reads beside them.
TINKER_FIELDS = [
    *ROW_FIELDS,
    # It calls the loss row by row and averages over the rows of the batch, as verl's engine does
    # over its ranks: there, each row is a rank of its own.
    CustomField("batch_rows", "dp_size", torch.int64),
    # It reads this of every row, with a reference model or without. It fills it itself where there
    # is one; NaN, so that a use of it where there is none shows.
    CustomField("no_reference", "ref_logprob", torch.float32),
]


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
    """Stamps every row of a train batch with its coefficient and normalisers.

    Args:
        on_policy: The on-policy rows.
        experts: The expert rows.
        mu: μ of this step.
        on_policy_mode: Aggregation of the on-policy rows.
        expert_mode: Aggregation of the expert rows.
        backend: Trinity's name of the trainer, ``verl`` or ``tinker``.
        is_open: False for each closed row, on-policy rows first; all are open if None.

    Returns:
        Metrics of the whole batch: μ, and of each kind the rows, the open ones among them, and
        the tokens and the mean response length of the open ones.
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
    extra = {"batch_rows": len(rows), "no_reference": math.nan} if backend == "tinker" else {}
    columns = zip(
        rows,
        expert.tolist(),
        stamps.loss_coef.tolist(),
        stamps.loss_norm.tolist(),
        stamps.token_norm.tolist(),
        strict=True,
    )
    for row, is_expert, coef, norm, token_norm in columns:
        row.info = {
            **(row.info or {}),
            "is_expert": is_expert,
            "loss_coef": coef,
            "loss_norm": norm,
            "token_norm": token_norm,
            **extra,
        }
        row.custom_fields = TINKER_FIELDS if backend == "tinker" else ROW_FIELDS
    return {
        "actor/mu": mu,
        **_kind_metrics("usual", rows, tokens, ~expert, counted),
        **_kind_metrics("expert", rows, tokens, expert, counted),
    }


def as_expert(row: Experience) -> Experience:
    """Fills what Trinity wants of every row of a batch and an expert row has not: zeros."""
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
