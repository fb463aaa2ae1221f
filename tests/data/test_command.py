"""`trinity-chord prepare`."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from tests.data.sources import openr1_row, s1k_row, sft_split_row, toolace_row, write_rows
from trinity_chord.cli import app
from trinity_chord.data.adapters import PUBLIC_SOURCES
from trinity_chord.data.adapters.openr1 import LLAMA

DOCUMENT = Path(__file__).parents[2] / "docs/data.md"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERMINAL_WIDTH", "120")
    return lambda *words: CliRunner().invoke(app, ["prepare", *map(str, words)])


def test_math_is_prepared_and_its_counts_are_shown(run, tmp_path, tokenizer_path):
    rows = [openr1_row(n) for n in range(9)] + [openr1_row(9, problem="求 x")]
    source = write_rows(tmp_path / "rows.jsonl", rows)
    options = ("--source", source, "--out", "data/math", "--tokenizer", tokenizer_path)
    result = run("openr1-math", *options, "--sft", 2, "--rl", 3)
    assert result.exit_code == 0, result.output
    assert re.search(r"cjk\W+10\W+1\W+9", result.output)
    assert "rl: 3 rows of 7 -> data/math/rl/train.jsonl" in result.output
    again = run("openr1-math", *options, "--sft", 2, "--rl", 3)
    assert again.exit_code == 0
    assert "data/math already holds this set" in again.output
    other = run("openr1-math", *options, "--sft", 2, "--rl", 4)
    assert other.exit_code == 2
    assert "rl: got 4, the set has 3" in other.output


def test_the_model_path_variable_names_the_tokenizer(run, tmp_path, tokenizer_path, monkeypatch):
    monkeypatch.setenv("TRINITY_MODEL_PATH", tokenizer_path)
    source = write_rows(tmp_path / "rows.jsonl", [s1k_row(n) for n in range(9)])
    result = run("s1k", "--source", source, "--out", "out", "--sft", 4)
    assert result.exit_code == 0, result.output
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["tokenizer"]["path"] == tokenizer_path


def test_tool_use_is_prepared_from_two_sources(run, tmp_path):
    source = write_rows(tmp_path / "toolace.json", [toolace_row(n) for n in range(5)])
    expert = write_rows(tmp_path / "expert.jsonl", [sft_split_row(0)])
    result = run("toolace", "--source", source, "--expert-source", expert, "--out", "out")
    assert result.exit_code == 0, result.output
    assert "sft: 1 rows of 1" in result.output
    assert "rl: 4 rows of 4" in result.output


def test_without_a_hub_everything_missing_is_reported_at_once(run, tmp_path):
    result = run("openr1-math", "--out", "out")
    assert result.exit_code == 2
    assert "`--tokenizer`: got 'Qwen/Qwen2.5-7B-Instruct', which cannot be loaded" in result.output
    assert "source 'open-r1/OpenR1-Math-220k'" in result.output
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.slow
def test_an_unreachable_network_is_reported_without_retries(tmp_path):
    unreachable = {
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path),
    }
    command = [sys.executable, "-m", "trinity_chord.cli", "prepare", "openr1-math", "--out", "out"]
    result = subprocess.run(
        command, env=os.environ | unreachable, capture_output=True, text=True, cwd=tmp_path
    )
    assert result.returncode == 2
    assert result.stderr.count("ConnectError") == 2
    assert "Retry" not in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--without", "color"), "`--without`: got color, expected one of cjk, verified, length"),
        (("--without", "in-sft"), "`--without`: got in-sft, expected one of"),
        (("--sft", "0", "--rl", "0"), "`--sft`, `--rl`: got 0 for both"),
    ],
)
def test_wrong_arguments_are_refused(run, words, message):
    result = run("openr1-math", "--out", "out", *words)
    assert result.exit_code == 2
    assert message in result.output


def test_a_folder_that_cannot_be_created_is_an_error(run, tmp_path, tokenizer_path):
    source = write_rows(tmp_path / "rows.jsonl", [openr1_row(n) for n in range(9)])
    options = ("--source", source, "--tokenizer", tokenizer_path)
    result = run("openr1-math", *options, "--out", source / "x")
    assert result.exit_code == 2
    assert "Not a directory" in result.output


def test_a_stopped_run_says_how_to_resume(run, tmp_path, tokenizer_path, monkeypatch):
    source = write_rows(tmp_path / "rows.jsonl", [openr1_row(n) for n in range(9)])
    monkeypatch.setattr("trinity_chord.data.prepare.draw", interrupt)
    result = run("openr1-math", "--source", source, "--tokenizer", tokenizer_path, "--out", "out")
    assert result.exit_code == 130
    assert "Stopped; run the same command again to resume" in result.output
    assert (tmp_path / ".out.preparing/scan-0.jsonl").read_text().count("\n") == 9


def interrupt(*arguments):
    raise KeyboardInterrupt


def commands():
    return [
        shlex.split(line)[1:]
        for line in DOCUMENT.read_text().splitlines()
        if line.startswith("trinity-chord ")
    ]


def test_the_commands_in_the_document_parse():
    assert len(commands()) >= 5
    for words in commands():
        command: click.Command = typer.main.get_command(app)
        while hasattr(command, "commands"):
            command, words = command.commands[words[0]], words[1:]
        command.make_context(command.name, list(words))


STEPS = {step for source in PUBLIC_SOURCES.values() for step in source.all_steps()}


@pytest.mark.parametrize("step", sorted(STEPS - {LLAMA}, key=lambda step: step.name))
def test_the_document_says_what_a_step_drops(step):
    name = f"`{step.name}`" + " *" * (not step.optional)
    assert f"| {name} | {step.drops} |" in DOCUMENT.read_text()


@pytest.mark.parametrize("source", PUBLIC_SOURCES.values(), ids=lambda source: source.name)
def test_a_public_source_has_a_command_and_a_row_in_the_document(run, source):
    result = run(source.name, "--help")
    assert result.exit_code == 0
    assert source.summary in " ".join(result.output.split())
    assert re.search(rf"\| `{source.name}` \| .*`{source.hub_id}`", DOCUMENT.read_text())
