"""Token losses: the clipped policy gradient, the weighted expert loss, and their plain sum."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

# Trinity and verl clamp log π_θ - log π_old to ±20 before the exponential.
LOG_RATIO_LIMIT = 20.0
# The clip of the public CHORD code: ε below and above, and c of the dual clip.
CLIP_LOW = CLIP_HIGH = 0.2
DUAL_CLIP = 3.0


@dataclass(frozen=True)
class PolicyGradient:
    """The clipped policy-gradient loss of each token and its statistics.

    All have the shape of the log-probabilities; only ``loss`` has a gradient.

    Attributes:
        loss: The token losses.
        kl: log π_old - log π_θ, clamped: its mean estimates KL(π_old ‖ π_θ).
        clipped: 1 where the upper clip is active (Trinity's ``pg_clipfrac``).
        clipped_lower: 1 where the dual clip is active (``pg_clipfrac_lower``).
    """

    loss: Float[Tensor, "*n"]
    kl: Float[Tensor, "*n"]
    clipped: Float[Tensor, "*n"]
    clipped_lower: Float[Tensor, "*n"]


def clipped_policy_gradient(
    logprob: Float[Tensor, "*n"],
    old_logprob: Float[Tensor, "*n"],
    advantages: Float[Tensor, "*n"],
    *,
    clip_low: float = CLIP_LOW,
    clip_high: float = CLIP_HIGH,
    dual_clip: float = DUAL_CLIP,
) -> PolicyGradient:
    """Compute the token losses of PPO/GRPO with dual clip, as in Trinity's PPO loss.

    With r = exp(log π_θ - log π_old) (CHORD, arXiv 2508.11408, eq. 2; the dual clip c from
    arXiv 1912.09729)::

        l = max(-A·r, -A·clip(r, 1-ε_low, 1+ε_high))
        l = min(l, -A·c)                                  if A < 0

    Args:
        logprob: log π_θ of the sampled tokens, any shape.
        old_logprob: Log-probabilities under π_old, same shape.
        advantages: A, same shape.
        clip_low: ε_low ≥ 0.
        clip_high: ε_high ≥ 0.
        dual_clip: c > 1.

    Returns:
        The loss and the statistics of each token.
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


def expert_loss(logprob: Float[Tensor, "*n"], weight: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Compute the weighted negative log-likelihood of expert tokens, -sg(w)·log π_θ (CHORD eq. 6).

    A weight that is negative or NaN makes the token's loss and its gradient NaN, so that it cannot
    go unnoticed; no value is read on the host. `weighted_sum` drops the loss of a masked token, and
    `keep` its gradient: pass ``keep(mask, log π_θ)`` if masked tokens may have such weights.

    Args:
        logprob: log π_θ of the expert tokens, any shape.
        weight: w ≥ 0, same shape; no gradient flows through it.

    Returns:
        The token losses, same shape. A token of weight 0 has loss 0 and gradient 0 even if its
        log-probability is -inf.
    """
    weight = weight.detach()
    weight = torch.where(weight < 0, math.nan, weight)
    counted = torch.where(weight == 0, 0.0, logprob)
    return -weight * counted


def weighted_sum(
    token_values: Float[Tensor, "*n t"],
    mask: Shaped[Tensor, "*n t"],
    row_factor: Float[Tensor, "*n"],
) -> Float[Tensor, ""]:
    """Compute Σ_rows factor · Σ_tokens mask · value, the only reduction of the objective.

    Args:
        token_values: Shape [N, T], or [T] for a single row.
        mask: Bool or 0/1, same shape. Values under a 0 may be anything, NaN included.
        row_factor: Shape [N], or [] for a single row.

    Returns:
        A scalar of the dtype of ``token_values``.
    """
    kept = keep(mask.bool(), token_values)
    return (kept.sum(-1) * row_factor.to(kept.dtype)).sum()


def split_mask(
    mask: Shaped[Tensor, "*n t"], expert: Bool[Tensor, "*n"]
) -> tuple[Bool[Tensor, "*n t"], Bool[Tensor, "*n t"]]:
    """Split the mask into the tokens of on-policy rows and those of expert rows.

    No row is selected by index: nothing waits for the device, and a batch with one kind of row is
    no special case.

    Args:
        mask: 1 for a token that counts, shape [N, T] or [T].
        expert: True for an expert row, shape [N] or [].

    Returns:
        The masks of the on-policy rows and of the expert rows, same shape as ``mask``.
    """
    counted, is_expert = mask.bool(), expert.bool().unsqueeze(-1)
    return counted & ~is_expert, counted & is_expert


def keep(mask: Bool[Tensor, "*n t"], values: Float[Tensor, "*n t"]) -> Float[Tensor, "*n t"]:
    """Return the values where the mask is set and 0 elsewhere, whatever the value there.

    Args:
        mask: Shape [N, T] or [T].
        values: Same shape.

    Returns:
        A tensor of the shape and dtype of ``values``.
    """
    return torch.where(mask, values, 0.0)
