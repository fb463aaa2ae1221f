"""The commands of docs/many-turns.md parse."""

import shlex
from pathlib import Path

import click
import pytest
import typer

from trinity_chord.cli import app

LINES = (Path(__file__).parents[2] / "docs/many-turns.md").read_text().splitlines()
COMMANDS = [line for line in LINES if line.startswith("trinity-chord ")]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_parses(line):
    words = shlex.split(line)[1:]
    command: click.Command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    command.make_context(command.name, list(words))
