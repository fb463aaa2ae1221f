"""The wheel, installed outside the checkout and used from an empty folder."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from trinity_chord.presets import PRESETS
from trinity_chord.recipes.domains import DOMAINS
from trinity_chord.recipes.methods import METHODS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PROJECT_FILES = ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
PROJECT_FOLDERS = ("trinity_chord",)


def succeed(command: list[object], **options: object) -> str:
    """Run a command and return its standard output; fail with its output if it fails."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=300, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and from it the wheel, as for an index.

    From a copy: a build in the checkout would pick up and leave old files.
    """
    source = tmp_path_factory.mktemp("source")
    for name in PROJECT_FILES:
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in PROJECT_FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    out = tmp_path_factory.mktemp("dist")
    succeed([sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source])
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """Return the wheel."""
    (found,) = built.glob("trinity_chord-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds the installed package and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    offline = ["--no-deps", "--no-index"]
    succeed([sys.executable, "-m", "pip", "install", *offline, "--target", folder, wheel])
    return folder


@pytest.fixture(scope="module")
def environment(installed: Path) -> dict[str, str]:
    """Return the environment in which Python imports the installed package first."""
    kept = {key: value for key, value in os.environ.items() if key != "QUICKSTART_DIR"}
    return {**kept, "PYTHONPATH": str(installed)}


@pytest.fixture
def command(installed: Path, environment: dict[str, str], tmp_path: Path):
    """Return a function that runs `trinity-chord` in an empty folder."""

    def call(*arguments: str, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [installed / "bin" / "trinity-chord", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


def test_every_data_file_of_the_package_is_in_the_wheel(wheel):
    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    files = [path for path in (ROOT / "trinity_chord").rglob("*") if path.is_file()]
    expected = {str(p.relative_to(ROOT)) for p in files if "__pycache__" not in p.parts}
    assert expected - in_wheel == set()


def test_an_index_would_take_both_distributions(built):
    distributions = sorted(built.iterdir())
    assert [path.name.split("-")[1][:5] for path in distributions] == ["0.1.0", "0.1.0"]
    output = succeed([sys.executable, "-m", "twine", "check", "--strict", *distributions])
    assert output.count("PASSED") == 2


def test_the_sdist_has_every_file_of_the_package(built):
    (sdist,) = built.glob("trinity_chord-*.tar.gz")
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    files = [path for path in (ROOT / "trinity_chord").rglob("*") if path.is_file()]
    expected = {str(p.relative_to(ROOT)) for p in files if "__pycache__" not in p.parts}
    assert expected - inside == set()


def test_the_installed_package_is_imported_and_not_the_checkout(installed, environment, tmp_path):
    code = "import trinity_chord; print(trinity_chord.__file__)"
    output = succeed([sys.executable, "-c", code], env=environment, cwd=tmp_path)
    assert Path(output.strip()) == installed / "trinity_chord" / "__init__.py"


def test_a_written_preset_passes_its_check_after_the_quickstart_is_prepared(command, tmp_path):
    command("presets", "--write", "presets")
    written = {path.stem for path in (tmp_path / "presets").glob("*.yaml")}
    assert written == set(PRESETS)
    command("quickstart", "--prepare")
    report = json.loads(command("check", "presets/luffy.yaml", "--json").stdout)
    assert report["ok"], report
    assert report["derived"]["train_batch_size"] == 80


def test_configurations_to_start_from_are_written(command, tmp_path):
    for start in ("chord", "math", "tool", "cpu"):
        command("init", start)
    assert {path.stem for path in tmp_path.glob("*.yaml")} == {"chord", "math", "tool", "cpu"}


def test_recipes_are_written(command, tmp_path):
    command("recipes", "--write", "recipes")
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.yaml")}
    assert written == {f"recipes/{d}/{m.name}.yaml" for d in DOMAINS for m in METHODS}


def test_the_quickstart_with_a_wrong_config_prints_one_line_and_leaves_nothing(command, tmp_path):
    done = command("quickstart", "--config", "missing.yaml", exit_code=2)
    assert len(done.stderr.splitlines()) == 1
    assert "missing.yaml" in done.stderr
    assert list(tmp_path.iterdir()) == []
