"""Metrics of the rollouts of a whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import torch
from trinity.common.experience import Experience

from trinity_chord.plugin.training.slots import group_rollouts


def rollout_metrics(rollouts: Sequence[Experience]) -> dict[str, float]:
    """Return reward and lengths of all rollouts, open or closed.

    Args:
        rollouts: The on-policy rows of a batch.

    Returns:
        Under ``actor/usual/``: ``reward``, the mean; ``equal_groups``, the share of the prompts
        whose rollouts all have the same reward, unless there is one rollout per prompt;
        ``response_length_max``, and ``at_response_length_max``, the share of the rollouts that are
        that long. Nothing without rollouts.
    """
    if not rollouts:
        return {}
    lengths = [len(row.tokens) - row.prompt_length for row in rollouts]
    longest = max(lengths)
    metrics = {
        "reward": fmean(row.reward or 0.0 for row in rollouts),
        "response_length_max": float(longest),
        "at_response_length_max": lengths.count(longest) / len(lengths),
    }
    prompts = group_rollouts(rollouts, lambda row: str(row.eid.tid))
    if len(prompts.keys) < len(rollouts):
        equal = torch.isclose(prompts.rewards.mean, prompts.rewards.best, rtol=1e-9, atol=1e-12)
        metrics["equal_groups"] = float(equal.double().mean())
    return {f"actor/usual/{name}": value for name, value in metrics.items()}
