"""μ rules: how much imitation there is at a step. What a rule is, and how it is found by its name.

μ is the weight of the expert term in L = (1-μ)·L_GRPO + μ·L_SFT (CHORD, arXiv 2508.11408,
eq. 3). A rule gives μ in [0, 1] for each training step: a fixed one from the step alone
(`schedules`), an adaptive one from the figures of the whole batch (`adaptive_mu`).
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from trinity_chord.dotted import load_dotted
from trinity_chord.objective.rules import Choice, Range, problems_of, unknown_name


@dataclass(frozen=True)
class ExpertFigures:
    """What the loss found on the expert rows of a training step.

    Attributes:
        nll_mean: Mean over the rows of m, a row's mean of -log π_θ over its tokens, in nats.
        nll_variance: Variance of m over the rows (divided by their number).
        token_weight: Mean token weight over the expert tokens.
    """

    nll_mean: float
    nll_variance: float
    token_weight: float


@dataclass(frozen=True)
class BatchFigures:
    """What an adaptive rule sees of a whole train batch, before it is trained on.

    Attributes:
        rewards: Reward of each rollout.
        advantages: Advantage of each rollout, its mean over the tokens that count.
        entropy: Mean of -log π(token) over the rollouts' tokens, in nats; None where a rollout
            has no log-probabilities. Tokens that π itself has sampled make it an unbiased
            estimate of the entropy of π, where π is the policy of the rollouts.
        previous_experts: The expert rows of the step before; None at the first step, and always
            for a rule without `needs_feedback`.
    """

    rewards: tuple[float, ...] = ()
    advantages: tuple[float, ...] = ()
    entropy: float | None = None
    previous_experts: ExpertFigures | None = None


class MuRule(ABC):
    """Gives μ for each training step.

    A subclass of one's own is named in YAML by its dotted path; its arguments are those of its
    ``__init__`` (a dataclass has them for free).

    Attributes:
        formula: The rule as an equation, for the documentation.
        source: Where it comes from.
        accepts: What each argument may be.
        needs_feedback: Whether it reads `BatchFigures.previous_experts`. The loss then counts
            what it needs, which costs a few sums a micro-batch.
    """

    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""
    accepts: ClassVar[Mapping[str, Range | Choice]] = {}
    needs_feedback: ClassVar[bool] = False

    @abstractmethod
    def next(self, step: int, figures: BatchFigures) -> float:
        """Returns μ of a step, in [0, 1]. Called once for each step, in order.

        Args:
            step: The training step, from 1.
            figures: The whole batch of this step.
        """

    def problems(self) -> list[str]:
        """Lists what is wrong with the arguments, an empty list where nothing is."""
        return problems_of(self.accepts, {name: getattr(self, name) for name in self.accepts})

    def metrics(self) -> dict[str, float]:
        """Returns what the last call of `next` saw, by the names to log it under."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Returns what `next` remembers from step to step, as JSON."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues where `state_dict` was taken.

        Raises:
            ValueError: There is a state, and the rule has not said how to load one.
        """
        if state:
            raise ValueError(f"{type(self).__name__} keeps no state and was given {dict(state)}")


SCHEDULES: dict[str, type[MuRule]] = {}

# What the rules' arguments may be.
UNIT = Range(0, 1)
STEPS = Range(0, whole=True)

_Rule = TypeVar("_Rule", bound=type[MuRule])


def mu_rule(
    name: str, *, formula: str, source: str, **accepts: Range | Choice
) -> Callable[[_Rule], _Rule]:
    """Registers a class as the μ rule ``name``; ``accepts`` says what each argument may be."""

    def register(rule: _Rule) -> _Rule:
        rule.formula, rule.source, rule.accepts = formula, source, accepts
        SCHEDULES[name] = rule
        return rule

    return register


def get_schedule(name: str, /, **arguments: Any) -> MuRule:
    """Builds the μ rule ``name``, fixed or adaptive.

    Args:
        name: A name of `SCHEDULES`, or the dotted path of a subclass of `MuRule`.
        **arguments: The rule's arguments.

    Raises:
        ValueError: The name is unknown or leads to no rule, an argument is missing or is none of
            the rule's, or a value is out of its range; all the problems of the values are in one
            message.
    """
    rule = _find(name)
    _check_names(name, rule, arguments)
    built = rule(**arguments)
    problems = built.problems()
    if problems:
        raise ValueError(f"μ schedule {name!r}: " + "; ".join(problems))
    return built


def _find(name: str) -> type[MuRule]:
    if name in SCHEDULES:
        return SCHEDULES[name]
    if "." in name:
        return _imported(name)
    raise unknown_name("μ schedule", name, SCHEDULES)


def _imported(path: str) -> type[MuRule]:
    rule = load_dotted("μ schedule", path)
    if not (isinstance(rule, type) and issubclass(rule, MuRule)):
        raise ValueError(f"μ schedule {path!r} is no subclass of trinity_chord.objective.MuRule")
    if inspect.isabstract(rule):
        missing = sorted(rule.__abstractmethods__)
        raise ValueError(f"μ schedule {path!r} does not define {missing}")
    return rule


def _check_names(name: str, rule: type[MuRule], arguments: Mapping[str, Any]) -> None:
    parameters = inspect.signature(rule).parameters.values()
    known = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
    foreign = sorted(set(arguments) - set(known))
    if foreign and len(known) == len(parameters):
        raise ValueError(f"μ schedule {name!r} takes {known or 'no arguments'}, not {foreign}")
    named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    missing = [p.name for p in named if p.default is p.empty and p.name not in arguments]
    if missing:
        raise ValueError(f"μ schedule {name!r} also needs {missing}")


def clip(value: float, low: float, high: float) -> float:
    """Returns ``value`` within [``low``, ``high``]; NaN stays NaN."""
    if value < low:
        return low
    return high if value > high else value


def not_a_range(low: float, high: float) -> list[str]:
    """The problem of a ``mu_min`` that lies above ``mu_max``."""
    return [f"mu_min is {low!r}, expected at most mu_max, which is {high!r}"] if low > high else []
