"""μ rules: how much imitation there is at a step. What a rule is, and how it is found by its name.

μ is the weight of the expert term in L = (1-μ)·L_GRPO + μ·L_SFT (CHORD, arXiv 2508.11408,
eq. 3). A rule gives μ in [0, 1] for each training step: a fixed one from the step alone
(`schedules`), an adaptive one from the figures of the whole batch (`adaptive_mu`).
"""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, ClassVar, TypeVar


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
        needs_feedback: Whether it reads `BatchFigures.previous_experts`. The loss then counts
            what it needs, which costs a few sums a micro-batch.
    """

    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""
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
        return []

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

_Rule = TypeVar("_Rule", bound=type[MuRule])


def mu_rule(name: str, *, formula: str, source: str) -> Callable[[_Rule], _Rule]:
    """Registers a class as the μ rule ``name``."""

    def register(rule: _Rule) -> _Rule:
        rule.formula, rule.source = formula, source
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
    near = get_close_matches(name, SCHEDULES, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"unknown μ schedule {name!r}: known are {sorted(SCHEDULES)}, and a class of your own by "
        f"its dotted path{hint}"
    )


def _imported(path: str) -> type[MuRule]:
    module, _, class_name = path.rpartition(".")
    try:
        rule = getattr(import_module(module), class_name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"μ schedule {path!r} cannot be imported: {error}") from error
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


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def not_a_number(name: str, value: Any) -> list[str]:
    """The problem of an argument that is no finite number."""
    return [] if is_number(value) else [f"{name} is {value!r}, wanted a number"]


def not_a_share(name: str, value: Any) -> list[str]:
    """The problem of an argument that is no number in [0, 1]."""
    if is_number(value) and 0.0 <= value <= 1.0:
        return []
    return [f"{name} is {value!r}, wanted a number in [0, 1]"]


def not_a_count(name: str, value: Any) -> list[str]:
    """The problem of an argument that is no whole number of steps."""
    if is_number(value) and value >= 0 and float(value).is_integer():
        return []
    return [f"{name} is {value!r}, wanted a whole number of steps, 0 or more"]


def not_a_range(low: Any, high: Any) -> list[str]:
    """The problems of ``mu_min`` and ``mu_max``: two numbers in [0, 1], the first not above."""
    problems = not_a_share("mu_min", low) + not_a_share("mu_max", high)
    if not problems and low > high:
        problems = [f"mu_min is {low!r}, wanted at most mu_max, which is {high!r}"]
    return problems
