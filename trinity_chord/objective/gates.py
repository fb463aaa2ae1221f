"""Gates: which prompts of a batch learn from their rollouts, and which from expert rows.

A gate is a pure function of the rewards of each prompt's rollouts. The sample strategy, which has
the whole batch, turns its decision into open and closed rows; `stamp_rows` excludes closed rows
from every count. To add a gate, add a decorated function.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from trinity_chord.objective.ranges import FINITE
from trinity_chord.objective.rules import Registry, Rule


@dataclass(frozen=True)
class PromptRewards:
    """The rewards of the rollouts of each prompt of a batch, shape [P].

    Attributes:
        mean: The mean reward of a prompt's rollouts; with rewards of 0 and 1 its success rate.
        best: The highest reward of a prompt's rollouts.
    """

    mean: Float64[Tensor, " p"]
    best: Float64[Tensor, " p"]


@dataclass(frozen=True)
class Opened:
    """The decision of a gate for each prompt of a batch, shape [P].

    Attributes:
        on_policy: Whether the prompt's rollouts count.
        expert: Whether expert rows of the prompt count.
    """

    on_policy: Bool[Tensor, " p"]
    expert: Bool[Tensor, " p"]


@dataclass(frozen=True)
class Gate(Rule):
    """A gate: its function takes `PromptRewards` and returns `Opened`."""

    kind = "gate"
    # Whether prompts opened to expert rows get them in a later batch.
    waits: ClassVar[bool] = False

    def __call__(self, rewards: PromptRewards) -> Opened:
        """Decide which prompts are open to their rollouts and which to expert rows."""
        opened: Opened = self.function(rewards, **self.arguments)
        return opened

    def problems(self) -> list[str]:
        """Try the gate on rewards from -1 to 1 and on a single prompt.

        Returns:
            What is wrong, as one text; an empty list if the gate returns bools of the right shape.
        """
        best = torch.tensor([-1.0, 0.0, 0.5, 1.0], dtype=torch.float64)
        for rewards in (PromptRewards(best - 0.25, best), PromptRewards(best[:1], best[:1])):
            problem = self._problem_on(rewards)
            if problem:
                return [f"{self.kind} {self.name!r}: {problem}"]
        return []

    def _problem_on(self, rewards: PromptRewards) -> str | None:
        prompts = len(rewards.mean)
        try:
            opened: Any = self.function(rewards, **self.arguments)
        except Exception as error:  # Your own function may raise anything.
            return f"got {type(error).__name__} on {prompts} prompts, expected `Opened`: {error}"
        for name in ("on_policy", "expert"):
            value = getattr(opened, name, None)
            if not isinstance(value, Tensor) or value.dtype != torch.bool:
                return f"{name}: got {value!r}, expected a bool tensor in `Opened`"
            if value.shape != (prompts,):
                return f"{name}: got shape {list(value.shape)}, expected [{prompts}]"
        return None


class WaitingGate(Gate):
    """A gate whose prompts wait until they fill a batch of expert rows."""

    waits = True


GATES = Registry(Gate)
gate = GATES.add


def prompt_rewards(
    reward: Float[Tensor, " r"], prompt: Int64[Tensor, " r"], prompts: int
) -> PromptRewards:
    """Group the rewards of rollouts by prompt.

    Args:
        reward: The reward of each rollout, shape [R].
        prompt: The index of each rollout's prompt, from 0, shape [R]; each prompt has at least one.
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
    threshold=FINITE,
)
def _hpt(rewards: PromptRewards, *, threshold: float = 0.0) -> Opened:
    solved = rewards.mean > threshold
    return Opened(on_policy=solved, expert=~solved)


@gate(
    "superrl",
    formula="RL for every prompt; SFT too if every rollout's reward is ≤ threshold",
    source="SuperRL (arXiv 2506.01096)",
    threshold=FINITE,
)
@gate(
    "relift",
    formula="RL for every prompt; if every rollout's reward is ≤ threshold, it waits for SFT",
    source="ReLIFT (arXiv 2506.07527)",
    rule=WaitingGate,
    threshold=FINITE,
)
def _failed(rewards: PromptRewards, *, threshold: float = 0.0) -> Opened:
    every = torch.ones_like(rewards.best, dtype=torch.bool)
    return Opened(on_policy=every, expert=rewards.best <= threshold)
