"""μ of a run: what the rule sees of each batch, what it remembers, and what is logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor
from trinity.common.experience import Experience
from trinity.utils.log import get_logger

from trinity_chord.objective import BatchFigures, ExpertFigures, MuSchedule, get_schedule
from trinity_chord.plugin.training.feedback import subscribe
from trinity_chord.plugin.training.slots import best_rewards


class MuController:
    """Computes μ for each batch by a rule.

    Args:
        name: Name of the μ rule.
        arguments: Arguments of the rule.

    Raises:
        ValueError: The rule is unknown, or does not take the arguments.
        RuntimeError: The rule needs the results of train steps, and this process trains nothing.
    """

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        self.name = name
        self.rule = get_schedule(name, **arguments)
        self.previous_experts: ExpertFigures | None = None
        if self.rule.needs_feedback:
            subscribe(self)

    def next(self, step: int, rollouts: list[Experience]) -> tuple[float, dict[str, float]]:
        """Compute μ of a step.

        Args:
            step: The training step, from 1.
            rollouts: The rollouts of this step's batch.

        Returns:
            μ, and as metrics what the rule computed it from.
        """
        if isinstance(self.rule, MuSchedule):
            return self.rule(step), {}  # depends on the step alone
        mu = self.rule.next(step, batch_figures(rollouts, self.previous_experts))
        return mu, self.rule.metrics()

    def on_train_step(self, experts: ExpertFigures) -> None:
        """Keep what a train step found on its expert rows, for the next batch."""
        self.previous_experts = experts

    def state_dict(self) -> dict[str, Any]:
        """Return what the next μ depends on, as JSON."""
        experts = self.previous_experts
        return {
            "name": self.name,
            "rule": self.rule.state_dict(),
            "previous_experts": asdict(experts) if experts is not None else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from a checkpoint; if it has the state of another rule, start from the beginning.

        Args:
            state: What `state_dict` returned.
        """
        if state["name"] != self.name:
            get_logger(__name__).warning(
                "The checkpoint has the state of the μ schedule %r; %r starts from its beginning.",
                state["name"],
                self.name,
            )
            return
        self.rule.load_state_dict(state["rule"])
        experts = state["previous_experts"]
        self.previous_experts = ExpertFigures(**experts) if experts is not None else None


def batch_figures(
    rollouts: list[Experience], previous_experts: ExpertFigures | None = None
) -> BatchFigures:
    """Compute what a μ rule sees of a batch.

    Args:
        rollouts: The rollouts of the batch.
        previous_experts: What the previous train step found on its expert rows.
    """
    logprobs = [_counted(row, row.logprobs) for row in rollouts if row.logprobs is not None]
    advantages = [_counted(row, row.advantages) for row in rollouts if row.advantages is not None]
    tokens = sum(len(values) for values in logprobs)
    complete = tokens > 0 and len(logprobs) == len(rollouts)
    return BatchFigures(
        rewards=tuple(row.reward or 0.0 for row in rollouts),
        advantages=tuple(values.double().mean().item() for values in advantages if len(values)),
        entropy=-sum(v.double().sum().item() for v in logprobs) / tokens if complete else None,
        previous_experts=previous_experts,
        best_rewards=best_rewards(rollouts),
    )


def _counted(row: Experience, values: Tensor) -> Tensor:
    """Return the values at the tokens that count."""
    return values if row.action_mask is None else values[row.action_mask.bool()]
