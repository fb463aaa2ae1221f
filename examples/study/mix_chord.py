"""The scale of Trinity's `mix_chord` with micro-batches of two rows, for comparison.

Each micro-batch gives the mean over its own tokens of a kind, times the number of its rows of the
kind and a factor that does not depend on its tokens. The engine adds up the micro-batches.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from trinity_chord.objective import clipped_policy_gradient, expert_loss

MICRO_BATCH = 2


def mix_chord_loss(
    logprob: Tensor,
    old_logprob: Tensor,
    advantages: Tensor,
    mask: Tensor,
    expert: Tensor,
    *,
    mu: float,
    token_weight: Any,
) -> Tensor:
    """Compute the loss whose gradient `mix_chord` of Trinity 0.6 gives, token-mean, on verl.

    Args:
        logprob: log π_θ, shape [N, T].
        old_logprob: Log-probabilities of the rollouts' tokens, shape [N, T].
        advantages: Shape [N, T].
        mask: True for a response token, shape [N, T].
        expert: True for an expert row, shape [N].
        mu: μ.
        token_weight: The token weight, a function of log π_θ.
    """
    shown = torch.where(mask, logprob, 0.0)
    rl = clipped_policy_gradient(shown, torch.where(mask, old_logprob, 0.0), advantages).loss
    imitation = expert_loss(shown, token_weight(shown))
    batches = len(mask) / MICRO_BATCH
    total = logprob.new_zeros(())
    for values, kind, factor in ((rl, ~expert, 1.0 - mu), (imitation, expert, mu)):
        rows = int(kind.sum())
        for first in range(0, len(mask), MICRO_BATCH):
            part = slice(first, first + MICRO_BATCH)
            counted = mask[part] & kind[part].unsqueeze(-1)
            if counted.any():
                mean = values[part][counted].mean()
                total = total + factor * mean * kind[part].sum() * batches / rows
    return total
