"""Named rules: a pure function with its formula, its source, its arguments and their ranges."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Range:
    """The numbers that an argument may be.

    Attributes:
        low: The lowest, None without a bound.
        high: The highest, None without a bound.
        low_open: Whether ``low`` itself is outside.
    """

    low: float | None = None
    high: float | None = None
    low_open: bool = False

    def problem(self, name: str, value: Any) -> str | None:
        """Says what is wrong with a value, None where nothing is."""
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if number and self._holds(float(value)):
            return None
        return f"{name} is {value!r}, wanted {self}"

    def _holds(self, value: float) -> bool:
        above = self.low is None or (value > self.low if self.low_open else value >= self.low)
        return value == value and above and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        parts = ["a number"]
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
        return None if value in self.words else f"{name} is {value!r}, wanted {self}"

    def __str__(self) -> str:
        return "one of " + ", ".join(map(repr, self.words))


@dataclass(frozen=True)
class Weight:
    """A named weight of expert tokens or rows.

    Attributes:
        name: The name that YAML gives.
        function: Its first parameter is log π_θ of the expert tokens; further positional ones are
            the other tensors that it needs, by name; keyword-only ones are its arguments.
        formula: The weight in terms of ``p = π_θ(token)``.
        source: The paper and its equation.
        accepts: What each argument may be.
        arguments: Bound arguments of ``function``.
    """

    name: str
    function: Callable[..., Tensor]
    formula: str
    source: str
    accepts: Mapping[str, Range | Choice] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def needs(self) -> tuple[str, ...]:
        """The tensors that it takes beside log π_θ."""
        return tuple(_parameters(self.function, inspect.Parameter.POSITIONAL_OR_KEYWORD))[1:]

    @property
    def defaults(self) -> dict[str, Any]:
        """Its arguments with their default values; `inspect.Parameter.empty` where one is due."""
        keywords = _parameters(self.function, inspect.Parameter.KEYWORD_ONLY)
        return {name: parameter.default for name, parameter in keywords.items()}

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


class Registry(Mapping[str, Weight]):
    """The weights of one kind, by their names.

    Args:
        kind: What they are, for messages: "token weight".
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._known: dict[str, Weight] = {}
        self._aliases: dict[str, str] = {}

    def add(
        self, name: str, *, formula: str, source: str, aliases: tuple[str, ...] = (), **accepts: Any
    ) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
        """Registers the decorated function; ``accepts`` says what each argument may be."""

        def register(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
            self._known[name] = Weight(name, function, formula, source, accepts)
            self._aliases.update(dict.fromkeys(aliases, name))
            return function

        return register

    def bind(self, name: str, **arguments: Any) -> Weight:
        """Looks a weight up, by its name or a dotted path, and binds its arguments.

        Raises:
            ValueError: The name is unknown (the known ones and the nearest are listed), nothing
                is found at the dotted path, an argument is missing, foreign or out of its range.
        """
        weight = self._find(name)
        problems = _problems(weight, arguments)
        if problems:
            raise ValueError(f"{self.kind} {name!r}: " + "; ".join(problems))
        return replace(weight, arguments=dict(arguments))

    def aliases_of(self, name: str) -> list[str]:
        """The other names of a weight."""
        return sorted(alias for alias, known in self._aliases.items() if known == name)

    def _find(self, name: str) -> Weight:
        known = self._aliases.get(name, name)
        if known in self._known:
            return self._known[known]
        if "." in name:
            return Weight(name, load_dotted(self.kind, name), "your own", name)
        near = get_close_matches(str(name), [*self._known, *self._aliases], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown {self.kind} {name!r}: known are {sorted(self._known)}{hint}")

    def __getitem__(self, name: str) -> Weight:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def load_dotted(kind: str, path: str) -> Callable[..., Any]:
    """Imports a function or class by its dotted path.

    Raises:
        ValueError: It cannot be imported, or is not callable.
    """
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{kind} {path!r} cannot be imported: {error}") from error
    if not callable(found):
        raise ValueError(f"{kind} {path!r} is {type(found).__name__}, wanted a function")
    return found


def _problems(weight: Weight, arguments: Mapping[str, Any]) -> list[str]:
    known = weight.defaults
    foreign = sorted(set(arguments) - set(known))
    problems = [f"it takes {sorted(known) or 'no arguments'}, not {foreign}"] if foreign else []
    due = [name for name, default in known.items() if default is inspect.Parameter.empty]
    problems += [
        f"{name} is missing, wanted {weight.accepts.get(name, 'a value')}"
        for name in due
        if name not in arguments
    ]
    checked = [
        weight.accepts[name].problem(name, value)
        for name, value in arguments.items()
        if name in weight.accepts
    ]
    return problems + [problem for problem in checked if problem]


def _parameters(function: Callable[..., Any], kind: Any) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(function).parameters
    return {name: each for name, each in parameters.items() if each.kind is kind}
