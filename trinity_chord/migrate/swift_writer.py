"""Collects what a command of ms-swift becomes, line by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from trinity_chord.migrate.document import Document, MigrateError
from trinity_chord.migrate.migration import Migration
from trinity_chord.migrate.swift_arguments import whole
from trinity_chord.migrate.swift_command import SwiftCommand

Number = TypeVar("Number", int, float)

NAME = "migrated"
SECTIONS = (
    *("project", "name", "checkpoint_root_dir", "mode", "algorithm", "model", "cluster", "buffer"),
    *("explorer", "synchronizer", "trainer", "monitor"),
)


@dataclass
class SwiftWriter:
    """Collects the lines of a configuration; each says which argument it comes from."""

    command: SwiftCommand
    lines: dict[str, tuple[Any, str]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def take(self, name: str, default: str = "") -> str:
        """Return the first word of an argument, and count it as carried over."""
        self.used.add(name)
        return self.command.one(name, default)

    def number(self, name: str, default: str, read: Callable[[str], Number] = whole) -> Number:
        """Return an argument that is a number, and count it as carried over."""
        text = self.take(name, default)
        try:
            return read(text)
        except ValueError as error:
            raise MigrateError(f"`--{name}`: got {text!r}, expected a number") from error

    def write(self, key: str, value: Any, source: str = "") -> None:
        """Write a key.

        Args:
            key: The dotted key.
            value: Its value.
            source: Where it comes from, as the line's comment.
        """
        self.lines[key] = value, source

    def migration(self) -> Migration:
        """Return the configuration, section by section, single keys of a section first."""
        document = Document(f"name: {NAME}\n", "the command")

        def place(key: str) -> tuple[int, bool]:
            return SECTIONS.index(key.partition(".")[0]), key.count(".") > 1

        for key in sorted(self.lines, key=place):
            value, source = self.lines[key]
            document.set(key, value)
            if not (isinstance(value, str) and "\n" in value):
                document.comment(key, source)
        return Migration(document, lost=self.lost, notes=self.notes)
