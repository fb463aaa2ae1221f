"""The methods of the study: each is a row of a table, in the terms of `trinity_chord.objective`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
    """

    share: float = 1.0
    rollouts: bool = True
    experts: bool = True
    mu: tuple[str, Mapping[str, Any]] = ("constant", {"value": 0.5})
    token_weight: tuple[str, Mapping[str, Any]] = ("sft", {})
    row_weight: str = "all"
    gate: str = "all"
    best: bool = False

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
        values: The values that are tried.
    """

    label: str
    stages: Callable[[float, int], tuple[Stage, ...]]
    parameter: str = ""
    values: tuple[float, ...] = field(default=(0.0,))


SFT = Stage(rollouts=False)
GRPO = Stage(experts=False)
MUS = (0.1, 0.3, 0.5, 0.7)


def _fixed(stage: Stage) -> Callable[[float, int], tuple[Stage, ...]]:
    return lambda value, steps: (stage,)


def _weighted(name: str, **arguments: float) -> Callable[[float, int], tuple[Stage, ...]]:
    return lambda value, steps: (
        Stage(mu=("constant", {"value": value}), token_weight=(name, arguments)),
    )


def _then_grpo(sft: Stage) -> Callable[[float, int], tuple[Stage, ...]]:
    def stages(value: float, steps: int) -> tuple[Stage, ...]:
        return (
            Stage(share=value, rollouts=False, best=sft.best),
            Stage(share=1.0 - value, experts=False),
        )

    return stages


def _decaying(value: float, steps: int) -> tuple[Stage, ...]:
    arguments = {"peak": 0.9, "valley": 0.05, "decay_steps": max(1, round(value * steps))}
    return (Stage(mu=("cosine", arguments)),)


def _gated(gate: str) -> Callable[[float, int], tuple[Stage, ...]]:
    return lambda value, steps: (Stage(mu=("constant", {"value": value}), gate=gate),)


def _threshold(value: float, steps: int) -> tuple[Stage, ...]:
    return (Stage(mu=("reward_threshold", {"threshold": value})),)


METHODS: dict[str, Method] = {
    "sft_light": Method("SFT, light", _fixed(Stage(share=0.25, rollouts=False))),
    "sft_best": Method("SFT, best", _fixed(Stage(rollouts=False, best=True))),
    "dft": Method("DFT", _fixed(Stage(rollouts=False, token_weight=("dft", {}), best=True))),
    "iw_sft": Method("iw-SFT", _fixed(Stage(rollouts=False, row_weight="iw_sft", best=True))),
    "grpo": Method("GRPO", _fixed(GRPO)),
    "sft_light_grpo": Method(
        "SFT, light, then GRPO", _then_grpo(SFT), "share of SFT steps", (0.05, 0.1, 0.2, 0.3)
    ),
    "sft_best_grpo": Method(
        "SFT, best, then GRPO",
        _then_grpo(Stage(rollouts=False, best=True)),
        "share of SFT steps",
        (0.3, 0.5, 0.7, 0.9),
    ),
    **{f"mu_{mu}": Method(f"μ = {mu}", _weighted("sft"), "μ", (mu,)) for mu in (0.02, *MUS)},
    "chord_mu": Method("CHORD-μ", _decaying, "share of steps of the decay", (0.25, 0.5, 0.75, 1.0)),
    "chord_phi": Method("CHORD-φ", _weighted("phi"), "μ", (0.1, 0.3, 0.5, 0.9)),
    "dft_mixed": Method("weight p", _weighted("dft"), "μ", MUS),
    "luffy": Method("LUFFY's weight", _weighted("luffy"), "μ", MUS),
    "trsft": Method("TrSFT's weight", _weighted("trsft"), "μ", MUS),
    "focal": Method("focal weight", _weighted("focal"), "μ", MUS),
    "hpt": Method("HPT's gate", _gated("hpt"), "μ", MUS),
    "superrl": Method("SuperRL's gate", _gated("superrl"), "μ", MUS),
    "adaptive_mu": Method("μ = τ - reward", _threshold, "τ", (0.5, 0.7, 0.9, 1.0)),
}
