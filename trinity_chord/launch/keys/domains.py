"""Kinds of values that only keys of a configuration take, besides numbers and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trinity_chord.objective.ranges import Domain

SHORT_OPTIMIZERS = ("adam", "adamw", "sgd")  # Trinity's names for classes of torch.optim.


@dataclass(frozen=True)
class Word(Domain):
    """Text that is not empty."""

    def problem(self, name: str, value: Any) -> str | None:
        """Return what is wrong with ``value`` as the argument ``name``, or None."""
        fits = isinstance(value, str) and value.strip()
        return None if fits else f"{name}: got {value!r}, expected {self}"

    def __str__(self) -> str:
        return "a name"


@dataclass(frozen=True)
class EachOf(Domain):
    """A list of a fixed length.

    Attributes:
        item: The domain of each item.
        length: Number of items.
    """

    item: Domain
    length: int

    def problem(self, name: str, value: Any) -> str | None:
        """Return what is wrong with ``value`` as the argument ``name``, or None."""
        fits = (
            isinstance(value, Sequence)
            and len(value) == self.length
            and not any(self.item.problem(name, each) for each in value)
        )
        return None if fits else f"{name}: got {value!r}, expected {self}"

    def __str__(self) -> str:
        return f"a list of {self.length}, each {self.item}"


@dataclass(frozen=True)
class Optimizer(Domain):
    """An optimizer of torch, by Trinity's short name or by the name of its class."""

    def problem(self, name: str, value: Any) -> str | None:
        """Return what is wrong with ``value`` as the argument ``name``, or None."""
        fits = isinstance(value, str) and (value in SHORT_OPTIMIZERS or _is_optimizer(value))
        return None if fits else f"{name}: got {value!r}, expected {self}"

    def __str__(self) -> str:
        listed = ", ".join(map(repr, SHORT_OPTIMIZERS))
        return f"one of {listed}, or the name of a class of torch.optim"


def _is_optimizer(name: str) -> bool:
    from torch import optim

    found = getattr(optim, name, None)
    return isinstance(found, type) and issubclass(found, optim.Optimizer)
