"""The commands in the documents and in the headers of configs/ work."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.quickstart_folder import make_quickstart_folder
from tests.report.run_folder import make_run
from tests.vision_folder import make_vision_folder
from trinity_chord.cli import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))
STARTS = (
    *("make ", "trinity-chord ", "trinity run ", "pip ", "ray ", "python -m ", "export "),
    *(".venv/bin/pre-commit ", ".venv/bin/python -m pytest ", ".venv/bin/trinity-chord ", "uv "),
)


def commands_of_document(path):
    language = None
    for line in path.read_text().splitlines():
        if line.startswith("```"):
            language = None if language is not None else line[3:]
        elif language == "":
            yield line.split("  #")[0].strip()


def commands_of_header(path):
    header = path.read_text().split("\nproject:")[0]
    for line in header.splitlines():
        text = re.sub(r"^#\s*(Check:|Run:|Override:|or[, ].*?:)?\s*", "", line)
        text = re.sub(r"^\w+=\S+ ", "", text)
        if text.startswith(("trinity-chord ", "trinity run ")):
            yield text.split("  (")[0]


COMMANDS = sorted(
    {c for path in DOCUMENTS for c in commands_of_document(path)}
    | {c for path in CONFIGS for c in commands_of_header(path)}
)


@pytest.fixture(scope="module")
def variables(tmp_path_factory):
    return make_quickstart_folder(tmp_path_factory.mktemp("quickstart"))


@pytest.fixture(scope="module")
def vision_variables(tmp_path_factory):
    return make_vision_folder(tmp_path_factory.mktemp("vision"))


@pytest.fixture
def at_root(variables, vision_variables, command, monkeypatch):
    monkeypatch.chdir(ROOT)
    images = vision_variables if "configs/vision" in command else {}
    for name, value in {**variables, **images}.items():
        monkeypatch.setenv(name, value)


def of(start):
    return [command for command in COMMANDS if command.startswith(start)]


def test_every_command_is_of_a_tested_kind():
    assert [c for c in COMMANDS if not c.startswith(STARTS)] == []


@pytest.mark.parametrize("command", of("make "))
def test_make_targets_exist(command):
    target = command.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", of(".venv/bin/python -m pytest "))
def test_the_tests_that_a_document_runs_exist(command):
    path, _, word = command.removeprefix(".venv/bin/python -m pytest ").partition(" -k ")
    assert word in (ROOT / path).read_text()


@pytest.mark.parametrize("command", of("pip ") + of("uv "))
def test_extras_exist(command):
    (extra,) = re.findall(r"\[(\w+)\]", command)
    assert all((ROOT / file).is_file() for file in re.findall(r"requirements/\S+", command))
    extras = (ROOT / "pyproject.toml").read_text().split("[project.optional-dependencies]")[1]
    assert re.search(rf"^{extra} = ", extras, re.MULTILINE)


@pytest.mark.parametrize("command", of("trinity-chord check"))
def test_checks_pass(at_root, command):
    result = CliRunner().invoke(app, shlex.split(command)[1:])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("command", of("trinity-chord run") + of("trinity run"))
def test_commands_that_run_pass_their_check(at_root, command):
    # `presets --write presets` writes what configs/presets holds.
    command = command.replace(" presets/", " configs/presets/")
    words = [w for w in shlex.split(command)[2:] if w != "--config"]
    own_cluster = any(name in words[0] for name in ("quickstart", "presets", "lora"))
    cluster = ["--nodes", "1", "--gpus-per-node", "2" if own_cluster else "8"]
    # Without vLLM, its command can only be checked for a cluster; `tests/vllm` runs it.
    if own_cluster and "engine_type=vllm" not in command:
        cluster = []
    result = CliRunner().invoke(app, ["check", *words, *cluster])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    "command", of("trinity-chord report") + of(".venv/bin/trinity-chord report")
)
def test_reports_are_made(command, tmp_path, monkeypatch):
    monkeypatch.setattr("trinity_chord.report.page.build._vega", lambda: "")
    monkeypatch.setattr("trinity_chord.report.charts.pictures._write", lambda spec, path: path)
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("quickstart", "quickstart_seed1")):
        make_run(tmp_path / "runs" / name, steps=2, seed=seed)
    make_run(tmp_path, steps=2)
    result = CliRunner().invoke(app, shlex.split(command)[1:])
    assert result.exit_code == 0, result.output
    assert list(tmp_path.glob("*.html"))


@pytest.mark.parametrize("command", [c for c in of("trinity-chord ") if "--install" not in c])
def test_arguments_are_accepted(command):
    """Those that need a network or hours, such as `prepare` and `eval`, run in their own tests."""
    group = typer.main.get_command(app)
    words = shlex.split(command)[1:]
    while hasattr(group, "commands"):
        group = group.commands[words.pop(0)]
    group.make_context(command, words)


WRITE = [c for start in ("init", "presets", "recipes") for c in of(f"trinity-chord {start}")]


@pytest.mark.parametrize("command", WRITE)
def test_commands_that_write_configurations_run(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, shlex.split(command)[1:])
    assert result.exit_code == 0, result.output
    writes = " init" in command or "--write" in command
    assert bool(list(tmp_path.rglob("*.yaml"))) == writes


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_configuration_says_how_to_prepare_run_and_override_it(path):
    header = path.read_text().split("\nproject:")[0]
    assert all(word in header for word in ("# Needs:", "# Run:", "# Override:"))
