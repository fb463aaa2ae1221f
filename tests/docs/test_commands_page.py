"""The commands in docs/commands.md run."""

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.docs.test_commands import commands_of_document
from tests.migrate.public import PUBLIC
from tests.migrate.test_swift import SCRIPT
from trinity_chord.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
# `doctor` is run by its own tests; installing a completion would change the user's shell.
ELSEWHERE = ("trinity-chord doctor", "trinity-chord --install-completion")
COMMANDS = list(commands_of_document(PAGE))
RUN = [command for command in COMMANDS if not command.startswith(ELSEWHERE)]


@pytest.mark.parametrize("command", RUN)
def test_the_command_runs(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.yaml").write_text(PUBLIC["mix_chord of 0.3"])
    (tmp_path / "chord.sh").write_text(SCRIPT)
    result = CliRunner().invoke(app, shlex.split(command)[1:])
    assert result.exit_code == 0, result.output
    out = command.partition("--out ")[2]
    assert not out or (tmp_path / out).is_file()


def test_the_other_commands_are_those_that_are_tested_elsewhere():
    others = [command for command in COMMANDS if command not in RUN]
    assert others == [*[f"trinity-chord doctor{o}" for o in ("", " --train")], ELSEWHERE[1]]
