"""Token weights: how much each expert token counts.

The loss of an expert token is ``-sg(w) · log π_θ``: a weight is a pure function of log π_θ and of
the other tensors that its signature names, and no gradient flows through it. In a formula, p is
π_θ(token) at the current parameters, at most 1. To add a weight, add a decorated function.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from trinity_chord.objective.losses import LOG_RATIO_LIMIT
from trinity_chord.objective.ranges import (
    NON_NEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    Choice,
    Range,
)
from trinity_chord.objective.rules import Registry
from trinity_chord.objective.weights import TokenWeight

TOKEN_WEIGHTS = Registry(TokenWeight)
token_weight = TOKEN_WEIGHTS.add


@token_weight("sft", formula="1", source="CHORD (arXiv 2508.11408) eq. 1")
def _sft(logprob: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    return torch.ones_like(logprob)


@token_weight(
    "dft", formula="p", source="CHORD eq. 4; DFT (arXiv 2508.05629)", aliases=("is", "sft_is")
)
def _dft(logprob: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    return logprob.exp()


@token_weight("phi", formula="p(1-p)", source="CHORD (arXiv 2508.11408) eq. 5")
def _phi(logprob: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    return logprob.exp() * -torch.expm1(logprob)


@token_weight(
    "luffy",
    formula="γp/(p+γ)², the gradient of LUFFY's p/(p+γ)",
    source="LUFFY (arXiv 2504.14945)",
    gamma=POSITIVE,
)
def _luffy(logprob: Float[Tensor, "*n"], *, gamma: float = 0.1) -> Float[Tensor, "*n"]:
    p = logprob.exp()
    return gamma * p / (p + gamma).square()


@token_weight(
    "trsft", formula="min(1, p/α)", source="TRAPO (arXiv 2512.17636)", alpha=POSITIVE_FRACTION
)
def _trsft(logprob: Float[Tensor, "*n"], *, alpha: float = 0.1) -> Float[Tensor, "*n"]:
    return (logprob.exp() / alpha).clamp(max=1.0)


@token_weight("focal", formula="(1-p)^γ", source="CHORD app. B.2 (collapses)", gamma=NON_NEGATIVE)
def _focal(logprob: Float[Tensor, "*n"], *, gamma: float = 2.0) -> Float[Tensor, "*n"]:
    return (-torch.expm1(logprob)).pow(gamma)


@token_weight(
    "power",
    formula="p^α, the gradient of (1-p^α)/α",
    source="arXiv 2510.00526",
    alpha=POSITIVE,
)
def _power(logprob: Float[Tensor, "*n"], *, alpha: float = 0.5) -> Float[Tensor, "*n"]:
    return (alpha * logprob).exp()


@token_weight(
    "threshold",
    formula="1 if p ≥ t, else 0",
    source="arXiv 2510.00526; ProFit (arXiv 2601.09195)",
    t=POSITIVE_FRACTION,
)
def _threshold(logprob: Float[Tensor, "*n"], *, t: float = 0.2) -> Float[Tensor, "*n"]:
    return (logprob.exp() >= t).to(logprob.dtype)


@token_weight(
    "clipped_is",
    formula="p if p ≤ t; else 0 (beyond='zero', as a clipped ratio has no gradient) or t ('cap')",
    source="CHORD app. B.2",
    t=POSITIVE_FRACTION,
    beyond=Choice(("zero", "cap")),
)
def _clipped_is(
    logprob: Float[Tensor, "*n"], *, t: float = 0.4, beyond: str = "zero"
) -> Float[Tensor, "*n"]:
    p = logprob.exp()
    return torch.where(p <= t, p, torch.full_like(p, t if beyond == "cap" else 0.0))


@token_weight(
    "psft",
    formula="r = p/π_old if r ≤ 1+ε, else 0: the gradient of min(r, clip(r, 1-ε', 1+ε))",
    source="PSFT (arXiv 2508.17784)",
    clip_high=NON_NEGATIVE,
)
def _psft(
    logprob: Float[Tensor, "*n"], old_logprob: Float[Tensor, "*n"], *, clip_high: float = 0.28
) -> Float[Tensor, "*n"]:
    ratio = _ratio(logprob, old_logprob)
    return torch.where(ratio <= 1.0 + clip_high, ratio, torch.zeros_like(ratio))


@token_weight(
    "iw_sft_step",
    formula="clamp(p/π_ref, low, high)",
    source="iw-SFT (arXiv 2507.12856), weights of single steps",
    low=NON_NEGATIVE,
    high=POSITIVE,
)
def _iw_sft_step(
    logprob: Float[Tensor, "*n"],
    ref_logprob: Float[Tensor, "*n"],
    *,
    low: float = 0.2,
    high: float = 1.8,
) -> Float[Tensor, "*n"]:
    return _ratio(logprob, ref_logprob).clamp(low, high)


@token_weight(
    "pear",
    formula="γ^(T-t) · Π_{j>t} exp(clip(log p_j - log π_β, low, high))",
    source="PEAR (arXiv 2602.01058), suffix weights",
    gamma=POSITIVE_FRACTION,
    low=Range(high=0),
    high=NON_NEGATIVE,
)
def _pear(
    logprob: Float[Tensor, "*n t"],
    behaviour_logprob: Float[Tensor, "*n t"],
    mask: Shaped[Tensor, "*n t"],
    *,
    gamma: float = 0.999,
    low: float = -0.08,
    high: float = 0.3,
) -> Float[Tensor, "*n t"]:
    counted = mask.to(logprob.dtype)
    step = (_log_ratio(logprob, behaviour_logprob).clamp(low, high) + math.log(gamma)) * counted
    return (step.flip(-1).cumsum(-1).flip(-1) - step).exp()


@token_weight(
    "entropy",
    formula="H / ln V, H the entropy of π_θ at the token",
    source="CHORD app. B.2 (weight ∝ H)",
    vocab_size=Range(2),
)
def _entropy(
    logprob: Float[Tensor, "*n"], entropy: Float[Tensor, "*n"], *, vocab_size: int
) -> Float[Tensor, "*n"]:
    return (entropy / math.log(vocab_size)).clamp(0.0, 1.0).to(logprob.dtype)


@token_weight(
    "entropy_top",
    formula="1 for the given share of a row's tokens that have the highest entropy, else 0",
    source="CHORD app. B.2 (top 5 %)",
    share=POSITIVE_FRACTION,
)
def _entropy_top(
    logprob: Float[Tensor, "*n t"],
    entropy: Float[Tensor, "*n t"],
    mask: Shaped[Tensor, "*n t"],
    *,
    share: float = 0.05,
) -> Float[Tensor, "*n t"]:
    counted = mask.bool()
    ordered = torch.where(counted, entropy, -math.inf).sort(dim=-1, descending=True)
    kept = (counted.sum(-1, keepdim=True) * share).ceil().long().clamp(min=1)
    lowest = ordered.values.gather(-1, kept - 1)
    return (counted & (entropy >= lowest)).to(logprob.dtype)


@token_weight(
    "eaft",
    formula="H_top / ln k, H_top the renormalized entropy of the k most likely tokens",
    source="EAFT (arXiv 2601.02151)",
    k=Range(2),
)
def _eaft(
    logprob: Float[Tensor, "*n"], top_entropy: Float[Tensor, "*n"], *, k: int = 20
) -> Float[Tensor, "*n"]:
    return (top_entropy / math.log(k)).clamp(0.0, 1.0).to(logprob.dtype)


@token_weight(
    "margin",
    formula="q(1-q), q = σ((log p - log p')/τ), p' the best other token; φ if there are only two",
    source="this package; a reviewer of CHORD asked for it",
    temperature=POSITIVE,
)
def _margin(
    logprob: Float[Tensor, "*n"],
    best_other_logprob: Float[Tensor, "*n"],
    *,
    temperature: float = 1.0,
) -> Float[Tensor, "*n"]:
    q = torch.sigmoid((logprob - best_other_logprob) / temperature)
    return q * (1.0 - q)


def _log_ratio(logprob: Float[Tensor, "*n"], other: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Return log p - log π_other within the limits of PPO's ratio; 0 if both are -inf."""
    return (logprob - other).nan_to_num(0.0).clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)


def _ratio(logprob: Float[Tensor, "*n"], other: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    return _log_ratio(logprob, other).exp()
