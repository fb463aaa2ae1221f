"""Token weights: how much each expert token counts.

The loss of an expert token is ``-sg(w) · log π_θ``: a weight is a pure function of log π_θ, and
of other tensors where it says so, and is always taken with a stop-gradient. In a formula, p is
π_θ(token) at the current parameters. Adding a weight is a decorated function.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from trinity_chord.objective.losses import LOG_RATIO_LIMIT
from trinity_chord.objective.rules import Choice, Range, Registry, Weight

TOKEN_WEIGHTS = Registry("token weight", Weight)
token_weight = TOKEN_WEIGHTS.add

POSITIVE = Range(0, low_open=True)
POSITIVE_UNIT = Range(0, 1, low_open=True)


@token_weight("sft", formula="1", source="CHORD (arXiv 2508.11408) eq. 1")
def _sft(logprob: Tensor) -> Tensor:
    return torch.ones_like(logprob)


@token_weight(
    "dft", formula="p", source="CHORD eq. 4; DFT (arXiv 2508.05629)", aliases=("is", "sft_is")
)
def _dft(logprob: Tensor) -> Tensor:
    return logprob.exp()


@token_weight("phi", formula="p(1-p)", source="CHORD (arXiv 2508.11408) eq. 5")
def _phi(logprob: Tensor) -> Tensor:
    return logprob.exp() * -torch.expm1(logprob)


@token_weight(
    "luffy",
    formula="γp/(p+γ)², the gradient of LUFFY's p/(p+γ)",
    source="LUFFY (arXiv 2504.14945)",
    gamma=POSITIVE,
)
def _luffy(logprob: Tensor, *, gamma: float = 0.1) -> Tensor:
    p = logprob.exp()
    return gamma * p / (p + gamma).square()


@token_weight(
    "trsft", formula="min(1, p/α)", source="TRAPO (arXiv 2512.17636)", alpha=POSITIVE_UNIT
)
def _trsft(logprob: Tensor, *, alpha: float = 0.1) -> Tensor:
    return (logprob.exp() / alpha).clamp(max=1.0)


@token_weight("focal", formula="(1-p)^γ", source="CHORD app. B.2 (collapses)", gamma=Range(0))
def _focal(logprob: Tensor, *, gamma: float = 2.0) -> Tensor:
    return (-torch.expm1(logprob)).pow(gamma)


@token_weight(
    "power",
    formula="p^α, the gradient of (1-p^α)/α",
    source="arXiv 2510.00526",
    alpha=POSITIVE,
)
def _power(logprob: Tensor, *, alpha: float = 0.5) -> Tensor:
    return (alpha * logprob).exp()


@token_weight(
    "threshold",
    formula="1 where p ≥ t, else 0",
    source="arXiv 2510.00526; ProFit (arXiv 2601.09195)",
    t=POSITIVE_UNIT,
)
def _threshold(logprob: Tensor, *, t: float = 0.2) -> Tensor:
    return (logprob.exp() >= t).to(logprob.dtype)


@token_weight(
    "clipped_is",
    formula="p where p ≤ t; above it 0 (beyond='zero', as a clipped ratio has no gradient) or t",
    source="CHORD app. B.2",
    t=POSITIVE_UNIT,
    beyond=Choice(("zero", "cap")),
)
def _clipped_is(logprob: Tensor, *, t: float = 0.4, beyond: str = "zero") -> Tensor:
    p = logprob.exp()
    return torch.where(p <= t, p, torch.full_like(p, t if beyond == "cap" else 0.0))


@token_weight(
    "psft",
    formula="r = p/π_old where r ≤ 1+ε, else 0: the gradient of min(r, clip(r, 1-ε', 1+ε))",
    source="PSFT (arXiv 2508.17784)",
    clip_high=Range(0),
)
def _psft(logprob: Tensor, old_logprob: Tensor, *, clip_high: float = 0.28) -> Tensor:
    ratio = _ratio(logprob, old_logprob)
    return torch.where(ratio <= 1.0 + clip_high, ratio, torch.zeros_like(ratio))


@token_weight(
    "iw_sft_step",
    formula="clamp(p/π_ref, low, high)",
    source="iw-SFT (arXiv 2507.12856), weights of single steps",
    low=Range(0),
    high=POSITIVE,
)
def _iw_sft_step(
    logprob: Tensor, ref_logprob: Tensor, *, low: float = 0.2, high: float = 1.8
) -> Tensor:
    return _ratio(logprob, ref_logprob).clamp(low, high)


@token_weight(
    "pear",
    formula="γ^(T-t) · Π_{j>t} exp(clip(log p_j - log π_β, low, high))",
    source="PEAR (arXiv 2602.01058), suffix weights",
    gamma=POSITIVE_UNIT,
    low=Range(high=0),
    high=Range(0),
)
def _pear(
    logprob: Tensor,
    behaviour_logprob: Tensor,
    mask: Tensor,
    *,
    gamma: float = 0.999,
    low: float = -0.08,
    high: float = 0.3,
) -> Tensor:
    counted = mask.to(logprob.dtype)
    step = (_log_ratio(logprob, behaviour_logprob).clamp(low, high) + math.log(gamma)) * counted
    return (step.flip(-1).cumsum(-1).flip(-1) - step).exp()


@token_weight(
    "entropy",
    formula="H / ln V, H the entropy of π_θ at the token",
    source="CHORD app. B.2 (weight ∝ H)",
    vocab_size=Range(2),
)
def _entropy(logprob: Tensor, entropy: Tensor, *, vocab_size: int) -> Tensor:
    return (entropy / math.log(vocab_size)).clamp(0.0, 1.0).to(logprob.dtype)


@token_weight(
    "entropy_top",
    formula="1 for the given share of a row's tokens that have the highest entropy, else 0",
    source="CHORD app. B.2 (top 5 %)",
    share=POSITIVE_UNIT,
)
def _entropy_top(logprob: Tensor, entropy: Tensor, mask: Tensor, *, share: float = 0.05) -> Tensor:
    counted = mask.bool()
    ordered = torch.where(counted, entropy, torch.full_like(entropy, -math.inf)).sort(
        dim=-1, descending=True
    )
    kept = (counted.sum(-1, keepdim=True) * share).ceil().long().clamp(min=1)
    lowest = ordered.values.gather(-1, kept - 1)
    return (counted & (entropy >= lowest)).to(logprob.dtype)


@token_weight(
    "eaft",
    formula="H_top / ln k, H_top the entropy over the k likeliest tokens",
    source="EAFT (arXiv 2601.02151)",
    k=Range(2),
)
def _eaft(logprob: Tensor, top_entropy: Tensor, *, k: int = 20) -> Tensor:
    return (top_entropy / math.log(k)).clamp(0.0, 1.0).to(logprob.dtype)


@token_weight(
    "margin",
    formula="q(1-q), q = σ((log p - log p')/τ), p' the best other token; φ where there are two",
    source="asked for by a reviewer of CHORD; ours",
    temperature=POSITIVE,
)
def _margin(logprob: Tensor, best_other_logprob: Tensor, *, temperature: float = 1.0) -> Tensor:
    q = torch.sigmoid((logprob - best_other_logprob) / temperature)
    return q * (1.0 - q)


def _log_ratio(logprob: Tensor, other: Tensor) -> Tensor:
    """log p - log π_other, in the limits of PPO's ratio; 0 where both are -inf."""
    return (logprob - other).nan_to_num(0.0).clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)


def _ratio(logprob: Tensor, other: Tensor) -> Tensor:
    return _log_ratio(logprob, other).exp()
