"""The CHORD objective on a whole batch, for any PyTorch loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from trinity_chord.objective.losses import (
    CLIP_HIGH,
    CLIP_LOW,
    DUAL_CLIP,
    clipped_policy_gradient,
    expert_loss,
    keep,
    split_mask,
    weighted_sum,
)
from trinity_chord.objective.row_weights import ROW_WEIGHTS
from trinity_chord.objective.stamps import stamp_rows
from trinity_chord.objective.token_weights import TOKEN_WEIGHTS


def chord_loss(
    logprob: Float[Tensor, "n t"],
    old_logprob: Float[Tensor, "n t"],
    advantages: Float[Tensor, "n t"],
    mask: Shaped[Tensor, "n t"],
    expert: Bool[Tensor, " n"],
    *,
    mu: float,
    token_weight: str | Callable[..., Any] = "phi",
    row_weight: str | Callable[..., Any] = "all",
    is_open: Bool[Tensor, " n"] | None = None,
    on_policy_mode: str = "token-mean",
    expert_mode: str = "token-mean",
    clip_low: float = CLIP_LOW,
    clip_high: float = CLIP_HIGH,
    dual_clip: float = DUAL_CLIP,
    **tensors: Tensor,
) -> Float[Tensor, ""]:
    """Compute L = (1-μ)·L_GRPO + μ·L_SFT of one whole batch (CHORD, arXiv 2508.11408, eq. 3).

    L_GRPO is equation 2 (clipped, no KL); L_SFT is equation 1, 4 or 6, depending on
    ``token_weight``. If you split the batch, call `stamp_rows` on the whole batch and sum up the
    parts, as `examples/one_step.py` does.

    Args:
        logprob: log π_θ of the response tokens, shape [N, T].
        old_logprob: Log-probabilities under the sampling policy, shape [N, T]; ignored in
            expert rows.
        advantages: Shape [N, T]; ignored in expert rows.
        mask: 1 for a response token that counts, shape [N, T].
        expert: True for expert rows, shape [N].
        mu: μ in [0, 1].
        token_weight: A name of `TOKEN_WEIGHTS`, a bound weight (``TOKEN_WEIGHTS.bind(...)``), or
            your own function of log π_θ.
        row_weight: The same for `ROW_WEIGHTS`.
        is_open: False for a row that a gate closes, shape [N]; all rows are open if None.
        on_policy_mode: Aggregation mode of the on-policy rows.
        expert_mode: Aggregation mode of the expert rows.
        clip_low: ε_low of the ratio's clip.
        clip_high: ε_high of the ratio's clip.
        dual_clip: c of the dual clip.
        **tensors: The tensors that the weights need besides log π_θ, by name, shape [N, T].

    Returns:
        The scalar loss. A kind of row that is absent adds 0.

    Raises:
        ValueError: A name or mode is unknown, a tensor is missing, or μ is outside [0, 1].
    """
    stamps = stamp_rows(
        mask.sum(-1).cpu(),
        expert.cpu(),
        mu=mu,
        width=mask.shape[-1],
        on_policy_mode=on_policy_mode,
        expert_mode=expert_mode,
        is_open=None if is_open is None else is_open.cpu(),
    )
    on_policy, on_expert = split_mask(mask, expert)
    rl = clipped_policy_gradient(
        keep(on_policy, logprob),
        keep(on_policy, old_logprob),
        keep(on_policy, advantages),
        clip_low=clip_low,
        clip_high=clip_high,
        dual_clip=dual_clip,
    )
    shown = keep(on_expert, logprob)
    tensors = {"old_logprob": old_logprob, **tensors, "mask": on_expert}
    token = TOKEN_WEIGHTS.bind(token_weight)(shown, **tensors)
    row = ROW_WEIGHTS.bind(row_weight)(shown, **tensors)
    imitation = expert_loss(shown, token * row.unsqueeze(-1))
    coef = stamps.loss_coef.to(logprob.device)
    return weighted_sum(rl.loss, on_policy, coef) + weighted_sum(imitation, on_expert, coef)
