"""What an examination finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    """How good a finding is."""

    good = "✓"
    note = "!"
    bad = "✗"


@dataclass(frozen=True)
class Finding:
    """One thing that was examined.

    Attributes:
        name: What was examined.
        found: What was found.
        state: How good that is.
        hint: What to do; empty if nothing.
    """

    name: str
    found: str
    state: State = State.good
    hint: str = ""

    def __str__(self) -> str:
        """Return the finding as lines of text."""
        text = f"{self.state.value} {self.name:<14} {self.found}"
        return f"{text}\n  {'':<14} {self.hint}" if self.hint else text
