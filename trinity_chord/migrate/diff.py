"""The difference between two texts of a configuration, with the reason for each line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

import yaml as pyyaml

from trinity_chord.migrate.migration import Change, Migration


@dataclass(frozen=True)
class DiffLine:
    """A line that only one of the two texts has.

    Attributes:
        sign: "-" for the old text, "+" for the new one.
        number: Its number in that text, from 1.
        text: The line.
        reason: Why it changed; empty if no edit says, which is a defect.
    """

    sign: str
    number: int
    text: str
    reason: str


def diff(migration: Migration) -> list[DiffLine]:
    """Return every line that the migration removed or added, each with its reason."""
    old, new = migration.document.original, migration.document.text()
    before, after = old.splitlines(), new.splitlines()
    why_old = _reasons(old, migration.changes, lambda change: change.old)
    why_new = _reasons(new, migration.changes, lambda change: change.new)
    lines: list[DiffLine] = []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        lines += (DiffLine("-", i + 1, before[i], why_old[i]) for i in range(old_start, old_end))
        lines += (DiffLine("+", i + 1, after[i], why_new[i]) for i in range(new_start, new_end))
    return lines


def _reasons(
    text: str, changes: list[Change], side: Callable[[Change], str | None]
) -> dict[int, str]:
    """Return the reason of each line: that of the edit of its key, or of the nearest one above.

    A line that only holds mappings together (`sample_strategy_args:`) has the reason of the first
    edit below it.
    """
    reasons = {key: change.reason for change in changes if (key := side(change))}
    keys = _key_of_each_line(text)
    return {number: _reason(key, reasons) for number, key in keys.items()}


def _reason(key: str, reasons: Mapping[str, str]) -> str:
    parts = key.split(".")
    for depth in range(len(parts), 0, -1):
        if found := reasons.get(".".join(parts[:depth])):
            return found
    return next((why for each, why in reasons.items() if each.startswith(f"{key}.")), "")


def _key_of_each_line(text: str) -> dict[int, str]:
    """Return the dotted key of each line; a line without one belongs to the key above it."""
    starts = dict(_starts(pyyaml.compose(text), ""))
    keys, key = {}, next(iter(starts.values()))
    for number in range(len(text.splitlines())):
        key = starts.get(number, key)
        keys[number] = key
    return keys


def _starts(node: pyyaml.Node, key: str) -> Iterator[tuple[int, str]]:
    """Yield the first line and the dotted key of every value; the deepest of a line comes last."""
    if isinstance(node, pyyaml.MappingNode):
        for name, value in node.value:
            path = f"{key}.{name.value}" if key else name.value
            yield name.start_mark.line, path
            yield from _starts(value, path)
    elif isinstance(node, pyyaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield value.start_mark.line, f"{key}.{number}"
            yield from _starts(value, f"{key}.{number}")
