"""μ rules: how much imitation there is at a step. What a rule is, and the registry of rules.

μ is the weight of the expert term in L = (1-μ)·L_GRPO + μ·L_SFT (CHORD, arXiv 2508.11408,
eq. 3). A rule gives μ in [0, 1] for each training step: a fixed rule from the step alone
(`schedules`), an adaptive rule from statistics of the whole batch (`adaptive_mu`).
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from trinity_chord.objective.rules import Parameter, Registry, Rule


@dataclass(frozen=True)
class ExpertFigures:
    """Statistics of the expert rows of a training step, computed by the loss.

    Attributes:
        nll_mean: Mean over the rows of m, a row's mean of -log π_θ over its tokens, in nats.
        nll_variance: Population variance of m over the rows.
        token_weight: Mean token weight over the expert tokens.
    """

    nll_mean: float
    nll_variance: float
    token_weight: float


@dataclass(frozen=True)
class BatchFigures:
    """Statistics of a whole train batch, available to an adaptive rule before the training step.

    Attributes:
        rewards: Reward of each rollout.
        advantages: Advantage of each rollout, averaged over the tokens that count.
        entropy: Mean of -log π(token) over the rollouts' tokens, in nats; None if a rollout has no
            log-probabilities. It is an unbiased estimate of the entropy of π if π, the policy
            that generated the rollouts, sampled the tokens itself.
        previous_experts: The expert rows of the previous step; None at the first step, and always
            for a rule without `needs_feedback`.
        best_rewards: The highest reward among the rollouts of each prompt.
    """

    rewards: tuple[float, ...] = ()
    advantages: tuple[float, ...] = ()
    entropy: float | None = None
    previous_experts: ExpertFigures | None = None
    best_rewards: tuple[float, ...] = ()


class MuRule(ABC):
    """A rule that gives μ for each training step.

    Name your own subclass in YAML by its dotted path; its arguments are those of its ``__init__``
    (a dataclass has them for free).

    Attributes:
        needs_feedback: Whether it reads `BatchFigures.previous_experts`. The loss then computes
            these statistics, which costs three sums per micro-batch.
    """

    needs_feedback: ClassVar[bool] = False

    @abstractmethod
    def next(self, step: int, figures: BatchFigures) -> float:
        """Return μ of a step, in [0, 1]. Called once per step, in order.

        Args:
            step: The training step, from 1.
            figures: Statistics of the whole batch of this step.
        """

    def problems(self) -> list[str]:
        """Return what is wrong with the arguments, an empty list if nothing is.

        A registered rule has the range of each argument checked before it is built; what is left
        is what depends on several arguments.
        """
        return []

    def metrics(self) -> dict[str, float]:
        """Return statistics of the last call of `next`, by the names under which to log them."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return what `next` remembers from step to step, in a form that JSON can hold."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from a `state_dict`.

        Raises:
            ValueError: The state is not empty, and the rule does not define how to load one.
        """
        if state:
            raise ValueError(f"{type(self).__name__} has no state, got {dict(state)}")


@dataclass(frozen=True)
class MuRuleFactory(Rule):
    """A subclass of `MuRule` by its name; call it to get a rule, with its arguments bound."""

    kind = "μ schedule"
    argument_kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)

    @property
    def needs_feedback(self) -> bool:
        """Whether its rules read `BatchFigures.previous_experts`."""
        return bool(getattr(self.function, "needs_feedback", False))

    def __call__(self, **arguments: Any) -> MuRule:
        """Build a rule in its initial state.

        Args:
            **arguments: Arguments in addition to, or instead of, those that are bound.
        """
        rule: MuRule = self.function(**{**self.arguments, **arguments})
        return rule

    def definition_problems(self) -> list[str]:
        """Return what is wrong with the class itself, an empty list if nothing is."""
        if not (isinstance(self.function, type) and issubclass(self.function, MuRule)):
            return [f"got {self.function!r}, expected a subclass of trinity_chord.objective.MuRule"]
        if inspect.isabstract(self.function):
            missing = sorted(self.function.__abstractmethods__)
            return [f"got a class without {missing}, expected one that defines them"]
        return super().definition_problems()

    def argument_problems(self) -> list[str]:
        """Return what is wrong with the bound arguments, alone and together."""
        return super().argument_problems() or self._problems_together()

    def _problems_together(self) -> list[str]:
        try:
            return self().problems()
        except (TypeError, ValueError) as error:  # Your own class may refuse its arguments.
            return [str(error)]


SCHEDULES = Registry(MuRuleFactory)
mu_rule = SCHEDULES.add


def get_schedule(name: str | Callable[..., Any], /, **arguments: Any) -> MuRule:
    """Build a μ rule, fixed or adaptive.

    Args:
        name: A name of `SCHEDULES`, or your own subclass of `MuRule` or its dotted path.
        **arguments: The rule's arguments.

    Raises:
        ChordConfigError: The name is unknown or is not a rule's, or arguments are missing,
            unexpected or out of range; one message lists all problems.
    """
    return SCHEDULES.bind(name, **arguments)()
