"""Gates: which prompts of a batch learn from their rollouts, which from expert rows.

A gate is a pure function of the rewards of each prompt's rollouts. Where the whole batch is known,
the sample strategy turns its answer into open and closed rows; `stamp_rows` leaves closed rows out
of every count. Adding a gate is a decorated function.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from trinity_chord.objective.rules import Range, Registry, Rule


@dataclass(frozen=True)
class PromptRewards:
    """What the rollouts of each prompt of a batch have earned. Float64, shape [P].

    Attributes:
        mean: The mean reward over a prompt's rollouts; with rewards of 0 and 1 its success rate.
        best: The highest reward among them.
    """

    mean: Tensor
    best: Tensor


@dataclass(frozen=True)
class Opened:
    """What a gate says of each prompt of a batch. Bool, shape [P].

    Attributes:
        on_policy: Whether the prompt's rollouts count.
        expert: Whether expert rows of the prompt count.
    """

    on_policy: Tensor
    expert: Tensor


@dataclass(frozen=True)
class Gate(Rule):
    """A gate: its function takes `PromptRewards` and returns `Opened`."""

    # Whether the prompts that it opens to expert rows get them in a later batch.
    waits: ClassVar[bool] = False

    def __call__(self, rewards: PromptRewards) -> Opened:
        """Returns which prompts are open to their rollouts and to expert rows."""
        return self.function(rewards, **self.arguments)


class WaitingGate(Gate):
    """A gate whose prompts wait until they fill a batch of expert rows."""

    waits = True


GATES = Registry("gate", Gate)
gate = GATES.add


def prompt_rewards(reward: Tensor, prompt: Tensor, prompts: int) -> PromptRewards:
    """Gathers the rewards of rollouts by prompt.

    Args:
        reward: The reward of each rollout, floating point, shape [R].
        prompt: The prompt of each rollout, from 0, int64, shape [R]; each prompt has one or more.
        prompts: P, the number of prompts.

    Returns:
        The mean and the best reward of each prompt.
    """
    reward = reward.to(torch.float64)
    count = torch.zeros(prompts, dtype=torch.float64)
    count.index_add_(0, prompt, torch.ones_like(reward))
    total = torch.zeros(prompts, dtype=torch.float64).index_add_(0, prompt, reward)
    best = torch.full((prompts,), -math.inf, dtype=torch.float64)
    best.scatter_reduce_(0, prompt, reward, "amax")
    return PromptRewards(mean=total / count, best=best)


@gate("all", formula="every prompt: RL and SFT", source="CHORD (arXiv 2508.11408) eq. 3")
def _all(rewards: PromptRewards) -> Opened:
    every = torch.ones_like(rewards.mean, dtype=torch.bool)
    return Opened(on_policy=every, expert=every)


@gate(
    "hpt",
    formula="mean reward > γ: RL only; else SFT only (γ: threshold)",
    source="HPT (arXiv 2509.04419)",
    threshold=Range(),
)
def _hpt(rewards: PromptRewards, *, threshold: float = 0.0) -> Opened:
    solved = rewards.mean > threshold
    return Opened(on_policy=solved, expert=~solved)


@gate(
    "superrl",
    formula="RL for every prompt; SFT too where every rollout's reward is ≤ threshold",
    source="SuperRL (arXiv 2506.01096)",
    threshold=Range(),
)
@gate(
    "relift",
    formula="RL for every prompt; one where every rollout's reward is ≤ threshold waits for SFT",
    source="ReLIFT (arXiv 2506.07527)",
    rule=WaitingGate,
    threshold=Range(),
)
def _failed(rewards: PromptRewards, *, threshold: float = 0.0) -> Opened:
    every = torch.ones_like(rewards.best, dtype=torch.bool)
    return Opened(on_policy=every, expert=rewards.best <= threshold)
