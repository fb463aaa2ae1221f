"""What is known of a possible row of a set after the source has been read once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """A filter.

    Attributes:
        name: What ``--without`` and the manifest call it.
        drops: What it drops, in words.
        switchable: Whether ``--without`` may name it; the others hold for every set.
    """

    name: str
    drops: str
    switchable: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """A problem, or a turn of a conversation, that may become a row.

    Attributes:
        row: The number of its row in the source, from 0.
        key: The key of its problem: equal for equal problems.
        dropped: The first step that drops it from every set, else None.
        dropped_from_rl: The first step that drops it from the RL set alone, else None.
        turn: Which turn of the row's conversation it is.
        kept: Which of the row's generations may be the expert's answer.
        match: The evaluation problem that it overlaps with, where ``dropped`` is for that.
        counts: What is counted beside the steps, by name.
    """

    row: int
    key: str
    dropped: str | None = None
    dropped_from_rl: str | None = None
    turn: int = 0
    kept: tuple[int, ...] = ()
    match: str | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def as_list(self) -> list[Any]:
        """Returns the fields as JSON can hold them."""
        return [
            self.row,
            self.key,
            self.dropped,
            self.dropped_from_rl,
            self.turn,
            list(self.kept),
            self.match,
            self.counts,
        ]


def to_line(candidates: list[Candidate]) -> bytes:
    """Returns the candidates of one source row as a line of the journal."""
    return json.dumps([candidate.as_list() for candidate in candidates]).encode() + b"\n"


def from_line(line: bytes) -> list[Candidate]:
    """Returns the candidates of a line of the journal."""
    return [
        Candidate(row, key, dropped, from_rl, turn, tuple(kept), match, counts)
        for row, key, dropped, from_rl, turn, kept, match, counts in json.loads(line)
    ]
