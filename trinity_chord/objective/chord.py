"""The CHORD objective on a whole batch, for any PyTorch loop."""

from __future__ import annotations

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
from trinity_chord.objective.stamps import stamp_rows
from trinity_chord.objective.token_weights import TOKEN_WEIGHTS


def chord_loss(
    logprob: Tensor,
    old_logprob: Tensor,
    advantages: Tensor,
    mask: Tensor,
    expert: Tensor,
    *,
    mu: float,
    token_weight: str = "phi",
    on_policy_mode: str = "token-mean",
    expert_mode: str = "token-mean",
    clip_low: float = CLIP_LOW,
    clip_high: float = CLIP_HIGH,
    dual_clip: float = DUAL_CLIP,
    **tensors: Tensor,
) -> Tensor:
    """L = (1-μ)·L_GRPO + μ·L_SFT of one whole batch (CHORD, arXiv 2508.11408, eq. 3).

    L_GRPO is equation 2 (clipped, no KL), L_SFT equation 1, 4 or 6 as ``token_weight`` says.
    For a batch that is cut into parts, stamp the rows with `stamp_rows` and add up the parts.

    Args:
        logprob: log π_θ of the response tokens, floating point, shape [N, T].
        old_logprob: log-probabilities under the sampling policy, shape [N, T]; ignored in
            expert rows.
        advantages: Shape [N, T]; ignored in expert rows.
        mask: 1 for a response token that counts, shape [N, T].
        expert: True for expert rows, bool, shape [N].
        mu: μ in [0, 1].
        token_weight: The name of a token weight.
        on_policy_mode: Aggregation of the on-policy rows.
        expert_mode: Aggregation of the expert rows.
        clip_low: ε_low of the ratio's clip.
        clip_high: ε_high of the ratio's clip.
        dual_clip: c of the dual clip.
        **tensors: What the token weight needs beside log π_θ, by name, shape [N, T].

    Returns:
        The scalar loss. A kind of row that is absent adds 0.

    Raises:
        ValueError: An unknown name, or μ outside [0, 1].
    """
    stamps = stamp_rows(
        mask.sum(-1).cpu(),
        expert.cpu(),
        mu=mu,
        width=mask.shape[-1],
        on_policy_mode=on_policy_mode,
        expert_mode=expert_mode,
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
    weight = TOKEN_WEIGHTS.bind(token_weight)(shown, mask=on_expert, **tensors)
    coef = stamps.loss_coef.to(logprob.device)
    return weighted_sum(rl.loss, on_policy, coef) + weighted_sum(
        expert_loss(shown, weight), on_expert, coef
    )
