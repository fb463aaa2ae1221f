"""What the first reading finds out about each possible row of a set."""

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
        optional: Whether ``--without`` may name it; the others always apply.
    """

    name: str
    drops: str
    optional: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """A problem, or a turn of a conversation, that may become a row.

    Attributes:
        row: Number of its row in the source, from 0.
        key: Key of its problem: equal for equal problems.
        dropped: Name of the first step that drops it from every set, or None.
        dropped_from_rl: Name of the first step that drops it from the RL set only, or None.
        turn: Index of its turn in the row's conversation.
        kept: Indices of the row's generations that may be the expert's answer.
        match: The evaluation problem that it overlaps with, if it was dropped for that.
        counts: Further counts for the manifest, by name.
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
        """Return the fields as JSON can hold them."""
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
    """Return the candidates of one source row as a line of the journal."""
    return json.dumps([candidate.as_list() for candidate in candidates]).encode() + b"\n"


def from_line(line: bytes) -> list[Candidate]:
    """Return the candidates in a line of the journal."""
    return [
        Candidate(row, key, dropped, from_rl, turn, tuple(kept), match, counts)
        for row, key, dropped, from_rl, turn, kept, match, counts in json.loads(line)
    ]
