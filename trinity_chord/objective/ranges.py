"""The values that an argument of a rule may take, and the ranges that many rules share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class Domain(ABC):
    """The values that an argument may take; its string form completes "expected ..."."""

    @abstractmethod
    def problem(self, name: str, value: Any) -> str | None:
        """Return what is wrong with ``value`` as the argument ``name``, or None."""


@dataclass(frozen=True)
class Range(Domain):
    """An interval of finite numbers.

    Attributes:
        low: Lowest number; None for no lower bound.
        high: Highest number; None for no upper bound.
        low_open: Whether ``low`` itself is excluded.
        high_open: Whether ``high`` itself is excluded.
        whole: Whether only whole numbers are allowed.
        optional: Whether None is allowed as well.
    """

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    whole: bool = False
    optional: bool = False

    def problem(self, name: str, value: Any) -> str | None:
        """Return what is wrong with ``value`` as the argument ``name``, or None."""
        if value is None and self.optional:
            return None
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if number and self._contains(value):
            return None
        return f"{name}: got {value!r}, expected {self}"

    def _contains(self, value: float) -> bool:
        fraction = isinstance(value, float) and self.whole and not value.is_integer()
        if fraction or not abs(value) < math.inf:
            return False
        above = self.low is None or (value > self.low if self.low_open else value >= self.low)
        below = self.high is None or (value < self.high if self.high_open else value <= self.high)
        return above and below

    def __str__(self) -> str:
        return self._numbers() + (" or None" if self.optional else "")

    def _numbers(self) -> str:
        number = "a whole number" if self.whole else "a number"
        if self.low is None and self.high is None:
            return number.replace(" ", " finite ")
        if self.low is not None and self.high is not None:
            left, right = "(" if self.low_open else "[", ")" if self.high_open else "]"
            return f"{number} in {left}{self.low}, {self.high}{right}"
        if self.low is None:
            return f"{number} {'below' if self.high_open else 'of at most'} {self.high}"
        return f"{number} above {self.low}" if self.low_open else f"{number} of at least {self.low}"


@dataclass(frozen=True)
class Choice(Domain):
    """A set of words.

    Attributes:
        words: The words.
        optional: Whether None is allowed as well.
    """

    words: tuple[str, ...]
    optional: bool = False

    def problem(self, name: str, value: Any) -> str | None:
        """Return what is wrong with ``value`` as the argument ``name``, or None."""
        fits = value in self.words or (value is None and self.optional)
        return None if fits else f"{name}: got {value!r}, expected {self}"

    def __str__(self) -> str:
        return "one of " + ", ".join(map(repr, self.words))


FINITE = Range()
POSITIVE = Range(0, low_open=True)
NON_NEGATIVE = Range(0)
FRACTION = Range(0, 1)
POSITIVE_FRACTION = Range(0, 1, low_open=True)
STEPS = Range(0, whole=True)
OPTIONAL_FINITE = Range(optional=True)


def domain_problems(accepts: Mapping[str, Domain], arguments: Mapping[str, Any]) -> list[str]:
    """Return one text for each argument whose value is not in its domain.

    Args:
        accepts: The domain of each argument; an argument without one is not checked.
        arguments: The values by argument name.
    """
    checked = [
        accepts[name].problem(name, value) for name, value in arguments.items() if name in accepts
    ]
    return [problem for problem in checked if problem is not None]
