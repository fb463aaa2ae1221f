"""The edits of a document, each with its reason, and what a person has to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from trinity_chord.migrate.document import Document


@dataclass(frozen=True)
class Change:
    """One edit.

    Attributes:
        old: The dotted key that it took from the file; None if it only adds.
        new: The dotted key that it put into the result; None if it only removes.
        reason: Why, as the end of a line.
    """

    old: str | None
    new: str | None
    reason: str


@dataclass
class Migration:
    """A document, and what was done to it.

    Attributes:
        document: The document, edited.
        changes: The edits, in the order in which they were made.
        wrong: The numbers of the file that did not fit each other, each as text.
        lost: What could not be carried over, each as text.
        notes: What runs differently although the keys are the same, each as text.
    """

    document: Document
    changes: list[Change] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def origin(self, key: str) -> str:
        """Return where the file has what is now at a key."""
        for change in reversed(self.changes):
            if change.old and change.new and (key + ".").startswith(change.new + "."):
                key = change.old + key[len(change.new) :]
        return key

    def given(self, key: str, default: Any = None) -> Any:
        """Return the file's value of a key, which edits may have moved; see `Document.given`."""
        return self.document.given(self.origin(key), default)

    def remove(self, key: str, reason: str) -> None:
        """Remove a key, if the document has it."""
        if key in self.document:
            origin = self.origin(key)
            self.document.remove(key)
            self.changes.append(Change(origin, None, reason))

    def lose(self, key: str, reason: str) -> None:
        """Remove a key, if the document has it, and list that its meaning is lost."""
        if key in self.document:
            self.lost.append(f"`{self.origin(key)}`: got {self.given(key)!r}; {reason}")
            self.remove(key, reason)

    def move(self, key: str, to: str, reason: str) -> None:
        """Move a key, if the document has it; the value of an existing key takes precedence."""
        if key not in self.document:
            return
        if to in self.document:
            self.remove(key, f"`{to}` is set too, and takes precedence")
            return
        origin = self.origin(key)
        self.document.move(key, to)
        self.changes.append(Change(origin, to, reason))

    def set(self, key: str, value: Any, reason: str) -> None:
        """Set a key to a value."""
        old = self.origin(key) if key in self.document else None
        self.document.set(key, value)
        self.changes.append(Change(old, key, reason))

    def replace(self, key: str, to: str, value: Any, reason: str) -> None:
        """Replace a key by another one with another value."""
        origin = self.origin(key)
        self.document.move(key, to)
        self.document.set(to, value)
        self.changes.append(Change(origin, to, reason))
