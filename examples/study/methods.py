"""The methods of the study: each is a row of a table, in the terms of `trinity_chord.objective`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trinity_chord.objective import GATES, TOKEN_WEIGHTS, MuRule, get_schedule


@dataclass(frozen=True)
class Stage:
    """A part of a run with one objective.

    Attributes:
        share: Its share of the optimizer steps.
        rollouts: Whether it samples rollouts.
        experts: Whether it trains on expert rows; without rollouts on as many rows as a mixed
            batch has in all.
        mu: Name and arguments of the μ rule.
        token_weight: Name and arguments of the token weight.
        row_weight: Name of the row weight.
        gate: Name of the gate; it pairs the rollouts' prompts with their expert rows.
        best: Whether the stage ends with the weights of the lowest validation loss.
        rate_factor: Multiplies the learning rate: imitation bears a larger one than RL.
    """

    share: float = 1.0
    rollouts: bool = True
    experts: bool = True
    mu: tuple[str, Mapping[str, Any]] = ("constant", {"value": 0.5})
    token_weight: tuple[str, Mapping[str, Any]] = ("sft", {})
    row_weight: str = "all"
    gate: str = "all"
    best: bool = False
    rate_factor: float = 1.0

    def mu_rule(self) -> MuRule:
        """Return the μ rule in its initial state."""
        if not self.rollouts:
            return get_schedule("constant", value=1.0)
        if not self.experts:
            return get_schedule("constant", value=0.0)
        return get_schedule(self.mu[0], **self.mu[1])

    def weight(self) -> Any:
        """Return the token weight with its arguments."""
        return TOKEN_WEIGHTS.bind(self.token_weight[0], **self.token_weight[1])

    def bound_gate(self) -> Any:
        """Return the gate."""
        return GATES.bind(self.gate)


@dataclass(frozen=True)
class Method:
    """A method with one main parameter.

    Attributes:
        label: Its name in tables.
        stages: Its stages for a value of the parameter and the number of optimizer steps.
        parameter: What the parameter is; empty if there is none.
        values: The values that the tuning tries.
    """

    label: str
    stages: Callable[[float, int], tuple[Stage, ...]]
    parameter: str = ""
    values: tuple[float, ...] = ()


def _always(stage: Stage) -> Callable[[float, int], tuple[Stage, ...]]:
    return lambda value, steps: (stage,)


def _fixed(mu: float) -> Method:
    return Method(f"μ = {mu}", _always(Stage(mu=("constant", {"value": mu}))))


def _weighted(label: str, name: str, *mus: float) -> Method:
    def stages(value: float, steps: int) -> tuple[Stage, ...]:
        return (Stage(mu=("constant", {"value": value}), token_weight=(name, {})),)

    return Method(label, stages, "μ", mus)


def _gated(label: str, gate: str) -> Method:
    def stages(value: float, steps: int) -> tuple[Stage, ...]:
        return (Stage(mu=("constant", {"value": value}), gate=gate),)

    return Method(label, stages, "μ", (0.1, 0.3, 0.7))


def _then_grpo(label: str, best: bool, *shares: float) -> Method:
    def stages(value: float, steps: int) -> tuple[Stage, ...]:
        sft = Stage(share=value, rollouts=False, best=best, rate_factor=SFT_RATE_FACTOR)
        return sft, Stage(share=1.0 - value, experts=False)

    return Method(label, stages, "share of SFT steps", shares)


def _decaying(value: float, steps: int) -> tuple[Stage, ...]:
    arguments = {"peak": 0.9, "valley": 0.05, "decay_steps": max(1, round(value * steps))}
    return (Stage(mu=("cosine", arguments)),)


def _threshold(value: float, steps: int) -> tuple[Stage, ...]:
    return (Stage(mu=("reward_threshold", {"threshold": value})),)


SFT_RATE_FACTOR = 3.0
SFT = Stage(rollouts=False)
FIXED_MUS = (0.02, 0.1, 0.3, 0.5, 0.7)

METHODS: dict[str, Method] = {
    "sft_light": Method("SFT, light", _always(replace(SFT, share=0.25))),
    "sft_best": Method("SFT, best", _always(replace(SFT, best=True))),
    "dft": Method("DFT", _always(replace(SFT, best=True, token_weight=("dft", {})))),
    "iw_sft": Method("iw-SFT", _always(replace(SFT, best=True, row_weight="iw_sft"))),
    "grpo": Method("GRPO", _always(Stage(experts=False))),
    "sft_light_grpo": _then_grpo("SFT, light, then GRPO", False, 0.1, 0.2, 0.3),
    "sft_best_grpo": _then_grpo("SFT, best, then GRPO", True, 0.3, 0.5, 0.7),
    **{f"mu_{mu}": _fixed(mu) for mu in FIXED_MUS},
    "chord_mu": Method("CHORD-μ", _decaying, "share of steps of the decay", (0.25, 0.5, 1.0)),
    "chord_phi": _weighted("CHORD-φ", "phi", 0.1, 0.5, 0.9),
    "dft_mixed": _weighted("weight p", "dft", 0.1, 0.3, 0.7),
    "luffy": _weighted("LUFFY's weight", "luffy", 0.1, 0.3, 0.7),
    "trsft": _weighted("TrSFT's weight", "trsft", 0.1, 0.3, 0.7),
    "focal": _weighted("focal weight", "focal", 0.1, 0.3, 0.7),
    "hpt": _gated("HPT's gate", "hpt"),
    "superrl": _gated("SuperRL's gate", "superrl"),
    "adaptive_mu": Method("μ = τ - reward", _threshold, "τ", (0.5, 0.75, 1.0)),
}
