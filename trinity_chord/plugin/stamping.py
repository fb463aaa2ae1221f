"""Puts the whole batch's numbers on its rows, in the form in which Trinity carries them."""

from __future__ import annotations

import math

import torch
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
    usual: list[Experience],
    experts: list[Experience],
    *,
    mu: float,
    usual_mode: str,
    expert_mode: str,
    backend: str = "verl",
) -> dict[str, float]:
    """Stamps every row of a train batch with its coefficient and normalisers.

    Args:
        usual: The on-policy rows.
        experts: The expert rows.
        mu: μ of this step.
        usual_mode: Aggregation of the on-policy rows.
        expert_mode: Aggregation of the expert rows.
        backend: Trinity's name of the trainer, ``verl`` or ``tinker``.

    Returns:
        Metrics of the whole batch: μ, and rows, tokens and mean response length of each kind.
    """
    rows = [*usual, *experts]
    tokens = torch.tensor([_tokens(row) for row in rows], dtype=torch.int64)
    expert = torch.arange(len(rows)) >= len(usual)
    stamps = stamp_rows(
        tokens,
        expert,
        mu=mu,
        width=max(len(row.tokens) - row.prompt_length for row in rows),
        usual_mode=usual_mode,
        expert_mode=expert_mode,
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
        **_kind_metrics("usual", usual, tokens[: len(usual)]),
        **_kind_metrics("expert", experts, tokens[len(usual) :]),
    }


def as_expert(row: Experience) -> Experience:
    """Fills what Trinity wants of every row of a batch and an expert row has not: zeros."""
    length = len(row.tokens) - row.prompt_length
    row.reward = 0.0
    row.logprobs = torch.zeros(length, dtype=torch.float32)
    row.advantages = torch.zeros(length, dtype=torch.float32)
    row.returns = torch.zeros(length, dtype=torch.float32)
    return row


def _tokens(row: Experience) -> int:
    if row.action_mask is None:
        return len(row.tokens) - row.prompt_length
    return int(row.action_mask.sum())


def _kind_metrics(kind: str, rows: list[Experience], tokens: torch.Tensor) -> dict[str, float]:
    metrics = {f"actor/{kind}/rows": float(len(rows)), f"actor/{kind}/tokens": float(tokens.sum())}
    if rows:
        lengths = [len(row.tokens) - row.prompt_length for row in rows]
        metrics[f"actor/{kind}/response_length"] = sum(lengths) / len(rows)
    return metrics
