"""Named rules: a pure function with its formula, its source, its arguments and their ranges."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from trinity_chord.dotted import load_dotted


@dataclass(frozen=True)
class Range:
    """The numbers that an argument may be: finite ones.

    Attributes:
        low: The lowest, None without a bound.
        high: The highest, None without a bound.
        low_open: Whether ``low`` itself is outside.
        whole: Whether only whole numbers are in it.
    """

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    whole: bool = False

    def problem(self, name: str, value: Any) -> str | None:
        """Says what is wrong with a value, None where nothing is."""
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if number and self._holds(float(value)):
            return None
        return f"{name} is {value!r}, expected {self}"

    def _holds(self, value: float) -> bool:
        if not math.isfinite(value) or (self.whole and not value.is_integer()):
            return False
        above = self.low is None or (value > self.low if self.low_open else value >= self.low)
        return above and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        number = "a whole number" if self.whole else "a number"
        if self.low is None and self.high is None:
            return number.replace(" ", " finite ")
        if self.low is not None and self.high is not None and not self.low_open:
            return f"{number} in [{self.low}, {self.high}]"
        parts = [number]
        if self.low is not None:
            parts.append(f"above {self.low}" if self.low_open else f"of {self.low} or more")
        if self.high is not None:
            parts.append(f"up to {self.high}")
        return " ".join(parts)


@dataclass(frozen=True)
class Choice:
    """The words that an argument may be."""

    words: tuple[str, ...]

    def problem(self, name: str, value: Any) -> str | None:
        """Says what is wrong with a value, None where nothing is."""
        return None if value in self.words else f"{name} is {value!r}, expected {self}"

    def __str__(self) -> str:
        return "one of " + ", ".join(map(repr, self.words))


@dataclass(frozen=True)
class Rule:
    """A named function of what it weighs or decides on.

    Attributes:
        name: The name that YAML gives.
        function: Its positional parameters are what it looks at; keyword-only ones its arguments.
        formula: What it does, in symbols.
        source: The paper and its equation.
        accepts: What each argument may be.
        arguments: Bound arguments of ``function``.
    """

    name: str
    function: Callable[..., Any]
    formula: str
    source: str
    accepts: Mapping[str, Range | Choice] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def defaults(self) -> dict[str, Any]:
        """Its arguments with their default values; `inspect.Parameter.empty` where one is due."""
        keywords = _parameters(self.function, inspect.Parameter.KEYWORD_ONLY)
        return {name: parameter.default for name, parameter in keywords.items()}


@dataclass(frozen=True)
class Weight(Rule):
    """A weight of expert tokens or rows, a formula in terms of ``p = π_θ(token)``.

    The first parameter of its function is log π_θ of the expert tokens; further positional ones
    are the other tensors that it needs, by name.
    """

    @property
    def needs(self) -> tuple[str, ...]:
        """The tensors that it takes beside log π_θ."""
        return tuple(_parameters(self.function, inspect.Parameter.POSITIONAL_OR_KEYWORD))[1:]

    def __call__(self, logprob: Tensor, **tensors: Tensor | None) -> Tensor:
        """Works the weights out, without a gradient.

        Args:
            logprob: log π_θ of the expert tokens, floating point in [-inf, 0], shape [N, T] or
                [T]; any shape for a weight that needs nothing else.
            **tensors: At least those in ``needs``, same shape.

        Returns:
            The weights, detached, of the dtype of ``logprob``: a token's of its shape, a row's of
            the shape without the last dimension.

        Raises:
            ValueError: A tensor that it needs is not there.
        """
        missing = [name for name in self.needs if tensors.get(name) is None]
        if missing:
            raise ValueError(f"weight {self.name!r} needs {missing}, which is not there")
        with torch.no_grad():
            others = [tensors[name].detach() for name in self.needs]  # type: ignore[union-attr]
            return self.function(logprob.detach(), *others, **self.arguments)


RuleT = TypeVar("RuleT", bound=Rule)
Function = TypeVar("Function", bound=Callable[..., Any])


class Registry(Mapping[str, RuleT], Generic[RuleT]):
    """The rules of one kind, by their names.

    Args:
        kind: What they are, for messages: "token weight".
        rule: The class of its rules.
    """

    def __init__(self, kind: str, rule: type[RuleT]) -> None:
        self.kind = kind
        self._rule = rule
        self._known: dict[str, RuleT] = {}
        self._aliases: dict[str, str] = {}

    def add(
        self,
        name: str,
        *,
        formula: str,
        source: str,
        aliases: tuple[str, ...] = (),
        rule: type[RuleT] | None = None,
        **accepts: Range | Choice,
    ) -> Callable[[Function], Function]:
        """Registers the decorated function.

        Args:
            name: The name that YAML gives.
            formula: What it does, in symbols.
            source: The paper and its equation.
            aliases: Other names of it.
            rule: The class of the rule, where it is a special one.
            **accepts: What each argument may be.
        """
        make = rule or self._rule

        def register(function: Function) -> Function:
            self._known[name] = make(name, function, formula, source, accepts)
            self._aliases.update(dict.fromkeys(aliases, name))
            return function

        return register

    def bind(self, name: str, **arguments: Any) -> RuleT:
        """Looks a rule up, by its name or the dotted path of your own, and binds its arguments.

        Raises:
            ValueError: The name is unknown (the known ones and the nearest are listed), nothing
                is found at the dotted path, an argument is missing, foreign or out of its range.
        """
        rule = self._find(str(name))
        problems = _problems(rule, arguments)
        if problems:
            raise ValueError(f"{self.kind} {name!r}: " + "; ".join(problems))
        return replace(rule, arguments=dict(arguments))

    def aliases_of(self, name: str) -> list[str]:
        """The other names of a rule."""
        return sorted(alias for alias, known in self._aliases.items() if known == name)

    def _find(self, name: str) -> RuleT:
        known = self._aliases.get(name, name)
        if known in self._known:
            return self._known[known]
        if "." in name:
            return self._rule(name, load_dotted(self.kind, name), "your own", name)
        raise unknown_name(self.kind, name, self._known, self._aliases)

    def __getitem__(self, name: str) -> RuleT:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def unknown_name(
    kind: str, name: str, known: Iterable[str], aliases: Iterable[str] = ()
) -> ValueError:
    """The error for a name that is not known: it lists those that are, and the nearest."""
    near = get_close_matches(name, [*known, *aliases], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return ValueError(
        f"unknown {kind} {name!r}: known are {sorted(known)}, or your own by its dotted path{hint}"
    )


def _problems(rule: Rule, arguments: Mapping[str, Any]) -> list[str]:
    known = rule.defaults
    foreign = sorted(set(arguments) - set(known))
    problems = [f"it takes {sorted(known) or 'no arguments'}, not {foreign}"] if foreign else []
    due = [name for name, default in known.items() if default is inspect.Parameter.empty]
    problems += [
        f"{name} is missing, expected {rule.accepts.get(name, 'a value')}"
        for name in due
        if name not in arguments
    ]
    return problems + problems_of(rule.accepts, arguments)


def problems_of(accepts: Mapping[str, Range | Choice], values: Mapping[str, Any]) -> list[str]:
    """Lists what is wrong with arguments, an empty list where nothing is."""
    checked = [accepts[name].problem(name, values[name]) for name in values if name in accepts]
    return [problem for problem in checked if problem]


def _parameters(function: Callable[..., Any], kind: Any) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(function).parameters
    return {name: each for name, each in parameters.items() if each.kind is kind}
