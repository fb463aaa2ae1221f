"""Shows what a migration did: each changed line with its reason, and what is left to do."""

from __future__ import annotations

from rich.console import Console

from trinity_chord.migrate.diff import DiffLine, diff
from trinity_chord.migrate.migration import Migration

STYLES = {"-": "red", "+": "green"}
TITLES = {
    "wrong": "Numbers that did not fit each other",
    "lost": "Not carried over",
    "notes": "To know",
}


def show(migration: Migration, console: Console) -> None:
    """Print the changed lines, or all of a new document, and what the migration lists."""
    if migration.changes:
        _show_lines(diff(migration), console)
    else:
        _print(console, migration.document.text())
    for name, title in TITLES.items():
        listed = getattr(migration, name)
        if listed:
            _print(console, f"\n{title}:")
            for text in listed:
                _print(console, f"  {text}")


def _show_lines(lines: list[DiffLine], console: Console) -> None:
    """Print the lines; the reason follows the last of several lines that share it."""
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        _print(console, f"{line.sign} {line.text}", style=STYLES[line.sign])
        if following is None or following.reason != line.reason:
            _print(console, f"    why: {line.reason}")


def _print(console: Console, text: str, style: str | None = None) -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
