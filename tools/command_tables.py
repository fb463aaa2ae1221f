"""Writes the tables of options in docs/commands.md from the command line itself."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from tools.regions import table, write_regions
from trinity_chord.cli import app

PAGE = Path("docs") / "commands.md"
COLUMNS = ("argument or option", "default", "meaning")


def write(root: Path) -> list[Path]:
    """Rewrite the generated region of the page.

    Args:
        root: The folder that holds `docs`.

    Returns:
        The page.
    """
    return [write_regions(root / PAGE, {"options": options})]


def options() -> str:
    """Return a section for each command: what it does, and its arguments and options."""
    return "\n".join(_section(name, command) for name, command in sorted(commands()))


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command with its full name."""
    yield from _below("trinity-chord", typer.main.get_command(app))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for word, each in below.items():
        yield from _below(f"{name} {word}", each)


def _section(name: str, command: Any) -> str:
    words = [parameter_name(each) for each in command.params if _is_argument(each)]
    rows = [(f"`{parameter_name(each)}`", _default(each), each.help) for each in command.params]
    return f"### `{' '.join([name, *words])}`\n\n{command.help}\n\n{table(COLUMNS, rows)}"


def parameter_name(parameter: Any) -> str:
    """Return what a user types for an argument or an option."""
    if not _is_argument(parameter):
        return str(parameter.opts[-1])
    return str(parameter.metavar or parameter.name.upper())


def _is_argument(parameter: Any) -> bool:
    return not parameter.opts[0].startswith("-")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    absent = value is None or value is False or value in ("", [])
    return "" if absent else f"`{value}`"
