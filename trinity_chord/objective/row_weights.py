"""Row weights: how much each expert row counts, computed from the row's own tokens.

A row weight multiplies the weights of its row's tokens; no gradient flows through it. Trainers
never split a row, so the loss stays exact as long as a row weight looks at its own row only. To add
a weight, add a decorated function.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from trinity_chord.objective.ranges import NON_NEGATIVE, POSITIVE, Choice
from trinity_chord.objective.rules import Registry
from trinity_chord.objective.weights import RowWeight

ROW_WEIGHTS = Registry(RowWeight)
row_weight = ROW_WEIGHTS.add


@row_weight("all", formula="1", source="CHORD (arXiv 2508.11408)")
def _all(logprob: Float[Tensor, "*n t"]) -> Float[Tensor, "*n"]:
    return torch.ones_like(logprob[..., 0])


@row_weight(
    "iw_sft",
    formula="clamp(exp(T · mean_t(log p - log π_ref)), low, high)",
    source="iw-SFT (arXiv 2507.12856), weights of trajectories",
    temperature=NON_NEGATIVE,
    low=NON_NEGATIVE,
    high=POSITIVE,
)
def _iw_sft(
    logprob: Float[Tensor, "*n t"],
    ref_logprob: Float[Tensor, "*n t"],
    mask: Shaped[Tensor, "*n t"],
    *,
    temperature: float = 1.0,
    low: float = 0.0,
    high: float = 16.0,
) -> Float[Tensor, "*n"]:
    mean = _row_mean(logprob - ref_logprob, mask)
    return (temperature * mean).exp().clamp(low, high)


@row_weight(
    "srft",
    formula="0.5 · exp(-H), H the row's mean entropy; 0.5 · exp(H) with sign='code'",
    source="SRFT (arXiv 2506.19767); the released code has the other sign",
    sign=Choice(("paper", "code")),
)
def _srft(
    logprob: Float[Tensor, "*n t"],
    entropy: Float[Tensor, "*n t"],
    mask: Shaped[Tensor, "*n t"],
    *,
    sign: str = "paper",
) -> Float[Tensor, "*n"]:
    mean = _row_mean(entropy, mask).to(logprob.dtype)
    return 0.5 * (-mean if sign == "paper" else mean).exp()


def _row_mean(values: Float[Tensor, "*n t"], mask: Shaped[Tensor, "*n t"]) -> Float[Tensor, "*n"]:
    """Return the mean over the tokens of each row that count, 0 for a row without any."""
    counted = mask.bool()
    total = torch.where(counted, values, 0.0).sum(-1)
    return total / counted.sum(-1).clamp(min=1)
