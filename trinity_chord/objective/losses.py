"""Token losses: the clipped policy gradient, the weighted expert loss, and their plain sum."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Trinity and verl clamp log π_θ - log π_old to ±20 before the exponential.
LOG_RATIO_LIMIT = 20.0
# The clip of the public CHORD code: ε below and above, and c of the dual clip.
CLIP_LOW = CLIP_HIGH = 0.2
DUAL_CLIP = 3.0


@dataclass(frozen=True)
class PolicyGradient:
    """The clipped policy-gradient loss of each token and what tells how it went.

    All of the shape of the log-probabilities; all but ``loss`` are without a gradient.

    Attributes:
        loss: The token losses.
        kl: log π_old - log π_θ, clamped: its mean estimates KL(π_old ‖ π_θ).
        clipped: 1 where the upper clip is active (Trinity's ``pg_clipfrac``).
        clipped_lower: 1 where the dual clip is active (``pg_clipfrac_lower``).
    """

    loss: Tensor
    kl: Tensor
    clipped: Tensor
    clipped_lower: Tensor


def clipped_policy_gradient(
    logprob: Tensor,
    old_logprob: Tensor,
    advantages: Tensor,
    *,
    clip_low: float = CLIP_LOW,
    clip_high: float = CLIP_HIGH,
    dual_clip: float = DUAL_CLIP,
) -> PolicyGradient:
    """The token losses of PPO/GRPO with dual clip, as Trinity's PPO loss has them.

    With r = exp(log π_θ - log π_old) (CHORD, arXiv 2508.11408, eq. 2; the dual clip c from
    arXiv 1912.09729)::

        l = max(-A·r, -A·clip(r, 1-ε_low, 1+ε_high))
        l = min(l, -A·c)                                  where A < 0

    Args:
        logprob: log π_θ of the sampled tokens, floating point, any shape.
        old_logprob: log-probabilities under the policy that is the ratio's base, same shape.
        advantages: A, same shape.
        clip_low: ε_low ≥ 0.
        clip_high: ε_high ≥ 0.
        dual_clip: c > 1.

    Returns:
        The losses and statistics of each token.
    """
    log_ratio = (logprob - old_logprob).clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)
    ratio = log_ratio.exp()
    plain = -advantages * ratio
    clipped = -advantages * ratio.clamp(1.0 - clip_low, 1.0 + clip_high)
    upper = torch.maximum(plain, clipped)
    bound = -advantages * dual_clip
    negative = advantages < 0
    return PolicyGradient(
        loss=torch.where(negative, torch.minimum(upper, bound), upper),
        kl=-log_ratio.detach(),
        clipped=(clipped > plain).to(logprob.dtype),
        clipped_lower=((upper > bound) & negative).to(logprob.dtype),
    )


def expert_loss(logprob: Tensor, weight: Tensor) -> Tensor:
    """The weighted negative log-likelihood of each expert token, -sg(w)·log π_θ (CHORD eq. 6).

    Args:
        logprob: log π_θ of the expert tokens, floating point, any shape.
        weight: w ≥ 0, same shape; its gradient is stopped.

    Returns:
        The token losses, same shape. A token of weight 0 costs 0 with gradient 0, also where
        its log-probability is -inf.
    """
    weight = weight.detach()
    counted = torch.where(weight > 0, logprob, torch.zeros_like(logprob))
    return -weight * counted


def weighted_sum(token_values: Tensor, mask: Tensor, row_factor: Tensor) -> Tensor:
    """Σ_rows factor · Σ_tokens mask · value: the only reduction there is.

    Args:
        token_values: Shape [N, T], or [T] for a single row.
        mask: Bool or 0/1, same shape. Values under a 0 may be anything, also NaN.
        row_factor: Shape [N], or [] for a single row.

    Returns:
        A scalar of the dtype of ``token_values``.
    """
    kept = torch.where(mask.bool(), token_values, torch.zeros_like(token_values))
    return (kept.sum(-1) * row_factor.to(kept.dtype)).sum()


def split_mask(mask: Tensor, expert: Tensor) -> tuple[Tensor, Tensor]:
    """The tokens that count, by the kind of their row.

    No row is picked out: nothing waits for the device, and a batch with one kind of row is no
    special case.

    Args:
        mask: 1 for a token that counts, shape [N, T] or [T].
        expert: True for an expert row, bool, shape [N] or [].

    Returns:
        Those of the on-policy rows and those of the expert rows, bool, shape of ``mask``.
    """
    counted, is_expert = mask.bool(), expert.bool().unsqueeze(-1)
    return counted & ~is_expert, counted & is_expert


def keep(mask: Tensor, values: Tensor) -> Tensor:
    """Values where the mask is set, 0 elsewhere; whatever stands elsewhere has no effect.

    Args:
        mask: Bool, shape [N, T] or [T].
        values: Same shape.

    Returns:
        A tensor of the shape and dtype of ``values``.
    """
    return torch.where(mask, values, torch.zeros_like(values))
