"""The command line as a whole: help, and errors of the user."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import trinity_chord
from trinity_chord.cli import app
from trinity_chord.errors import ChordError

HEAVY = {"torch", "ray", "trinity", "verl", "transformers", "datasets", "matplotlib"}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["run"],
        ["eval", "math"],
        ["prepare", "toolace"],
        ["migrate"],
        ["init"],
        ["doctor"],
    ],
)
def test_help_imports_no_heavy_library(arguments):
    code = f"""
import sys
from trinity_chord.cli import main
sys.argv = ["trinity-chord", *{arguments}, "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code
assert not {HEAVY} & set(sys.modules), {HEAVY} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Usage: trinity-chord" in done.stdout


def start(*words, **environment):
    return subprocess.run(
        words, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )


def test_python_runs_the_package_as_the_command():
    done = start(sys.executable, "-m", "trinity_chord", "--help")
    assert done.returncode == 0
    assert "Usage: trinity-chord" in done.stdout


def test_the_version_is_that_of_the_package():
    done = start(sys.executable, "-m", "trinity_chord", "--version")
    assert done.stdout == f"trinity-chord {trinity_chord.__version__}\n"


@pytest.mark.parametrize(
    ("shell", "expected"), [("bash", "complete -o default -F"), ("zsh", "#compdef")]
)
def test_shells_get_their_completion(shell, expected):
    asked = {"_TRINITY_CHORD_COMPLETE": f"source_{shell}"}
    assert expected in start(sys.executable, "-m", "trinity_chord", **asked).stdout


def test_commands_are_completed():
    asked = {
        "COMP_WORDS": "trinity-chord mi",
        "COMP_CWORD": "1",
        "_TRINITY_CHORD_COMPLETE": "complete_bash",
    }
    assert start(sys.executable, "-m", "trinity_chord", **asked).stdout.split() == ["migrate"]


def test_a_users_mistake_is_a_message_and_exit_code_2(monkeypatch):
    def fail():
        raise ChordError("`key`: got 1, expected 2")

    monkeypatch.setattr("trinity_chord.quickstart.command.prepare", lambda out, seed: fail())
    result = CliRunner().invoke(app, ["quickstart", "--prepare"])
    assert result.exit_code == 2
    assert result.stderr == "`key`: got 1, expected 2\n"


def test_a_mistake_in_a_subcommand_is_a_message_too(tmp_path):
    result = CliRunner().invoke(app, ["eval", "math", "--responses", str(tmp_path / "none.jsonl")])
    assert result.exit_code == 2
    assert "none.jsonl" in result.stderr


def test_an_unexpected_exception_keeps_its_traceback(monkeypatch):
    def fail(out, seed):
        raise RuntimeError("a defect")

    monkeypatch.setattr("trinity_chord.quickstart.command.prepare", fail)
    result = CliRunner().invoke(app, ["quickstart", "--prepare"])
    assert result.exit_code == 1
    assert isinstance(result.exception, RuntimeError)


@pytest.mark.parametrize(
    "command",
    [
        ["recipes", "--write"],
        ["presets", "--write"],
        ["quickstart", "--prepare", "--out"],
    ],
)
def test_a_folder_that_cannot_be_made_is_a_message(command, tmp_path):
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(app, [*command, str(tmp_path / "file" / "below")])
    assert done.exit_code == 2
    assert str(tmp_path / "file") in done.output
    assert "Traceback" not in done.output


def test_a_configuration_of_the_quickstart_that_does_not_exist_is_a_message(tmp_path):
    missing = str(tmp_path / "none.yaml")
    done = CliRunner().invoke(app, ["quickstart", "--config", missing, "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert f"{missing} does not exist" in done.output


def test_an_empty_list_of_sets_is_refused(tmp_path):
    (tmp_path / "r.jsonl").write_text("")
    options = ["--responses", str(tmp_path / "r.jsonl"), "--sets", ""]
    done = CliRunner().invoke(app, ["eval", "math", *options])
    assert done.exit_code == 2
    assert "--sets: got ''" in done.output
