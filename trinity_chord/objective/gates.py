"""Gates: which prompts of a batch learn from their rollouts, which from expert rows.

A gate is a pure function of the rewards of each prompt's rollouts. Where the whole batch is known,
the sample strategy turns its answer into open and closed rows; `stamp_rows` leaves closed rows out
of every count. Adding a gate is a decorated function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor


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
        usual: Whether the prompt's rollouts count.
        expert: Whether expert rows of the prompt count.
    """

    usual: Tensor
    expert: Tensor


@dataclass(frozen=True)
class GateArgument:
    """An argument of a gate: a finite number in [low, high].

    Attributes:
        default: Its value where none is given.
        meaning: What it is, with its unit.
        low: The least value.
        high: The greatest value.
    """

    default: float
    meaning: str
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True)
class Gate:
    """A named gate.

    Attributes:
        name: The name that YAML gives.
        function: ``function(rewards, **arguments) -> Opened``.
        formula: The rule in words and symbols.
        source: The paper.
        parameters: The arguments that it takes.
        waits: Whether the prompts that it opens to expert rows get them in a later batch.
        arguments: The bound arguments of ``function``.
    """

    name: str
    function: Callable[..., Opened]
    formula: str
    source: str
    parameters: Mapping[str, GateArgument]
    waits: bool = False
    arguments: dict[str, float] = field(default_factory=dict)

    def __call__(self, rewards: PromptRewards) -> Opened:
        """Returns which prompts are open to their rollouts and to expert rows."""
        return self.function(rewards, **self.arguments)


GATES: dict[str, Gate] = {}
FAILED = {"threshold": GateArgument(0.0, "the highest reward of a rollout that has failed")}


def gate(
    name: str,
    *,
    formula: str,
    source: str,
    parameters: Mapping[str, GateArgument] | None = None,
    waits: bool = False,
) -> Callable[[Callable[..., Opened]], Callable[..., Opened]]:
    """Registers a function of the prompts' rewards as the gate ``name``."""

    def register(function: Callable[..., Opened]) -> Callable[..., Opened]:
        GATES[name] = Gate(name, function, formula, source, parameters or {}, waits)
        return function

    return register


def get_gate(name: str, **arguments: Any) -> Gate:
    """Looks a gate up by its name and binds its arguments, the defaults where none is given.

    Raises:
        ValueError: The name is unknown (the known ones and the nearest are listed), the gate does
            not take one of the arguments, or a value is outside of its range.
    """
    if name not in GATES:
        near = get_close_matches(str(name), GATES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown gate {name!r}: known are {sorted(GATES)}{hint}")
    found = GATES[name]
    foreign = sorted(set(arguments) - set(found.parameters))
    if foreign:
        known = sorted(found.parameters)
        raise ValueError(f"gate {name!r} takes {known or 'no arguments'}, not {foreign}")
    bound = {key: parameter.default for key, parameter in found.parameters.items()} | arguments
    for key, parameter in found.parameters.items():
        _check_range(f"{key} of gate {name!r}", bound[key], parameter)
    return replace(found, arguments=bound)


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
    return Opened(usual=every, expert=every)


@gate(
    "hpt",
    formula="mean reward > γ: RL only; else SFT only (γ: threshold)",
    source="HPT (arXiv 2509.04419)",
    parameters={
        "threshold": GateArgument(0.0, "γ, the highest mean reward of a prompt that is imitated")
    },
)
def _hpt(rewards: PromptRewards, threshold: float) -> Opened:
    solved = rewards.mean > threshold
    return Opened(usual=solved, expert=~solved)


@gate(
    "superrl",
    formula="RL for every prompt; SFT too where every rollout's reward is ≤ threshold",
    source="SuperRL (arXiv 2506.01096)",
    parameters=FAILED,
)
@gate(
    "relift",
    formula="RL for every prompt; one where every rollout's reward is ≤ threshold waits for SFT",
    source="ReLIFT (arXiv 2506.07527)",
    parameters=FAILED,
    waits=True,
)
def _failed(rewards: PromptRewards, threshold: float) -> Opened:
    every = torch.ones_like(rewards.best, dtype=torch.bool)
    return Opened(usual=every, expert=rewards.best <= threshold)


def _check_range(what: str, value: Any, parameter: GateArgument) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and math.isfinite(value) and parameter.low <= value <= parameter.high:
        return
    raise ValueError(
        f"{what} is {value!r}, wanted a finite number in [{parameter.low:g}, {parameter.high:g}]: "
        f"{parameter.meaning}"
    )
