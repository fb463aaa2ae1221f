"""Token losses: the clipped policy gradient, the weighted expert loss, and their plain sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torch.autograd.function import once_differentiable

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
    return PolicyGradient(
        *_ClippedLoss.apply(  # type: ignore[no-untyped-call]  # unannotated in torch
            logprob, old_logprob, advantages, 1.0 - clip_low, 1.0 + clip_high, dual_clip
        )
    )


class _ClippedLoss(torch.autograd.Function):
    """`clipped_policy_gradient` and its derivative, which is A·r where no clip is active.

    It has a third of the passes over the tokens that autograd takes, and keeps one tensor for the
    backward pass. There is no `torch.where`: on a CPU it takes ten times a product's time.
    """

    @staticmethod
    def forward(
        ctx: Any,
        logprob: Tensor,
        old_logprob: Tensor,
        advantages: Tensor,
        lowest: float,
        highest: float,
        dual_clip: float,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        log_ratio = (logprob - old_logprob).clamp_(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)
        ratio = log_ratio.exp()
        # The negative losses, which are min(gain, capped), or at least c·A if A < 0. Since they
        # are at least 0 if A ≥ 0, a bound of 0 changes nothing there.
        gain = ratio * advantages
        capped = ratio.clamp_(lowest, highest).mul_(advantages)
        bound = advantages.clamp(max=0.0).mul_(dual_clip)
        clipped, clipped_lower = torch.empty_like(gain), torch.empty_like(gain)
        torch.lt(capped, gain, out=clipped)
        lowered = torch.minimum(gain, capped, out=capped)
        torch.lt(lowered, bound, out=clipped_lower)
        negative = torch.maximum(lowered, bound, out=bound)
        if ctx.needs_input_grad[0]:
            # A factor of 0 or 1, so that NaN stays NaN.
            active = torch.empty_like(gain)
            torch.eq(negative, gain, out=active)
            ctx.save_for_backward(gain.mul_(active).neg_())
        kl = log_ratio.neg_()
        ctx.mark_non_differentiable(kl, clipped, clipped_lower)
        ctx.set_materialize_grads(False)
        return negative.neg_(), kl, clipped, clipped_lower

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_loss: Tensor | None, *others: None) -> tuple[Tensor | None, ...]:
        [slope] = ctx.saved_tensors
        return (None if of_loss is None else of_loss * slope, *(None,) * 5)


def expert_loss(
    logprob: Float[Tensor, "*n"],
    weight: Float[Tensor, "*n"],
    mask_bits: Shaped[Tensor, "*n"] | None = None,
) -> Float[Tensor, "*n"]:
    """Compute the weighted negative log-likelihood of expert tokens, -sg(w)·log π_θ (CHORD eq. 6).

    A weight that is negative or NaN makes the token's loss and its gradient NaN, so that it cannot
    go unnoticed; no value is read on the host. `weighted_sum` drops the loss of a masked token, and
    `keep` its gradient: pass ``keep(mask, log π_θ)`` if masked tokens may have such weights.

    Args:
        logprob: log π_θ of the expert tokens, any shape.
        weight: w ≥ 0, same shape; no gradient flows through it.
        mask_bits: What `bits` makes of a mask, same shape; masked tokens have loss 0 and gradient 0
            whatever their weight, if their log-probability is finite. None counts all tokens.

    Returns:
        The token losses, same shape. A token of weight 0 has loss 0 and gradient 0 even if its
        log-probability is -inf.
    """
    loss: Tensor = _ExpertLoss.apply(  # type: ignore[no-untyped-call]
        logprob, weight.detach(), mask_bits
    )
    return loss


class _ExpertLoss(torch.autograd.Function):
    """`expert_loss` and its derivative, -w."""

    @staticmethod
    def forward(ctx: Any, logprob: Tensor, weight: Tensor, mask_bits: Tensor | None) -> Tensor:
        slope = weight + 0.0  # also makes 0 of -0
        whole = slope.view(_WHOLE_NUMBERS[slope.element_size()])
        # A shift by all bits gives -1 if w < 0, else 0; with all bits set a number is NaN.
        whole.bitwise_or_(whole >> 8 * slope.element_size() - 1)
        if mask_bits is not None:
            whole.bitwise_and_(mask_bits)
        ctx.save_for_backward(slope.neg_())
        # Finite, so that its product with 0 is 0.
        return logprob.clamp(min=torch.finfo(logprob.dtype).min).mul_(slope)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_loss: Tensor) -> tuple[Tensor, None, None]:
        [slope] = ctx.saved_tensors
        return of_loss * slope, None, None


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
    return add_up(keep(mask.bool(), token_values), row_factor)


def add_up(
    token_values: Float[Tensor, "*n t"], row_factor: Float[Tensor, "*n"]
) -> Float[Tensor, ""]:
    """Compute Σ_rows factor · Σ_tokens value of values that are 0 where the mask is."""
    return (token_values.sum(-1) * row_factor.to(token_values.dtype)).sum()


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


def rows_of(kind: Bool[Tensor, "*n"]) -> Any:
    """Return an index of the rows of a kind.

    On a CPU it selects them, so that nothing is computed for the others. Elsewhere it selects all
    rows, since the host would wait for the device to learn which they are; the mask is then enough.

    Args:
        kind: True for a row of the kind, shape [N] or [].

    Returns:
        An index of the first dimension. Without a row of the kind, it selects one row, whose tokens
        the mask leaves out, so that every sum is 0.
    """
    if kind.ndim == 0 or kind.device.type != "cpu" or bool(kind.all()):
        return ...
    chosen = kind.nonzero().squeeze(-1)
    return chosen if len(chosen) else slice(0, 1)


def keep(mask: Shaped[Tensor, "*n t"], values: Float[Tensor, "*n t"]) -> Float[Tensor, "*n t"]:
    """Return the values where the mask is set and 0 elsewhere, whatever the value there.

    Args:
        mask: Bool, or what `bits` makes of it, which saves doing so again; shape [N, T] or [T].
        values: Same shape.

    Returns:
        A tensor of the shape and dtype of ``values``.
    """
    mask_bits = bits(mask, values.dtype) if mask.dtype == torch.bool else mask
    kept: Tensor = _Keep.apply(values, mask_bits)  # type: ignore[no-untyped-call]
    return kept


_WHOLE_NUMBERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


def bits(mask: Bool[Tensor, "*n t"], dtype: torch.dtype) -> Shaped[Tensor, "*n t"]:
    """Return a mask whose bits are all 1 or all 0, in whole numbers of the size of a dtype."""
    return mask.to(_WHOLE_NUMBERS[dtype.itemsize]).neg_()


def _masked(values: Tensor, mask_bits: Tensor) -> Tensor:
    """Return values or +0: a bitwise "and" with 0 turns even NaN into 0."""
    return (values.view(mask_bits.dtype) & mask_bits).view(values.dtype)


class _Keep(torch.autograd.Function):
    """`keep`; ten times faster than `torch.where` on a CPU."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, mask_bits: Tensor) -> Tensor:
        ctx.save_for_backward(mask_bits)
        return _masked(values, mask_bits)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_kept: Tensor) -> tuple[Tensor, None]:
        [mask_bits] = ctx.saved_tensors
        return _masked(of_kept, mask_bits), None
