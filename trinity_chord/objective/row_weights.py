"""Row weights: how much each expert row counts, worked out from its own tokens.

A row is never cut by a trainer, so such a weight needs no other row, and the sum stays exact. It
multiplies the token weights of its row, and is taken with a stop-gradient as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trinity_chord.objective.rules import Choice, Range, Registry, Weight

ROW_WEIGHTS = Registry("row weight", Weight)
row_weight = ROW_WEIGHTS.add


@row_weight("all", formula="1", source="CHORD (arXiv 2508.11408)")
def _all(logprob: Tensor) -> Tensor:
    return torch.ones_like(logprob[..., 0])


@row_weight(
    "iw_sft",
    formula="clamp(exp(T · mean_t(log p - log π_ref)), low, high)",
    source="iw-SFT (arXiv 2507.12856), weights of trajectories",
    temperature=Range(0),
    low=Range(0),
    high=Range(0, low_open=True),
)
def _iw_sft(
    logprob: Tensor,
    ref_logprob: Tensor,
    mask: Tensor,
    *,
    temperature: float = 1.0,
    low: float = 0.0,
    high: float = 16.0,
) -> Tensor:
    mean = _row_mean(logprob - ref_logprob, mask)
    return (temperature * mean).exp().clamp(low, high)


@row_weight(
    "srft",
    formula="0.5 · exp(-H), H the row's mean entropy; 0.5 · exp(H) with sign='code'",
    source="SRFT (arXiv 2506.19767); the released code has the other sign",
    sign=Choice(("paper", "code")),
)
def _srft(logprob: Tensor, entropy: Tensor, mask: Tensor, *, sign: str = "paper") -> Tensor:
    mean = _row_mean(entropy, mask).to(logprob.dtype)
    return 0.5 * (-mean if sign == "paper" else mean).exp()


def _row_mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean over a row's counted tokens, 0 where it has none."""
    counted = mask.bool()
    total = torch.where(counted, values, torch.zeros_like(values)).sum(-1)
    return total / counted.sum(-1).clamp(min=1)
