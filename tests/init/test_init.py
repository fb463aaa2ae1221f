"""`trinity-chord init` writes a commented file that passes its check."""

import re

import pytest
import torch
from typer.testing import CliRunner

from tests.quickstart_folder import make_quickstart_folder
from tests.recipes.data import ROOT, make_data, variables
from trinity_chord.cli import app
from trinity_chord.launch.check import check
from trinity_chord.launch.load import load

STARTS = ("chord", "math", "tool", "cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    return make_quickstart_folder(tmp_path_factory.mktemp("quickstart"))


@pytest.fixture
def init(tmp_path, monkeypatch):
    """Run the command in an empty folder, on a machine with a number of GPUs."""
    monkeypatch.chdir(tmp_path)

    def call(*words, gpus_here=0):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus_here)
        return CliRunner().invoke(app, ["init", *map(str, words)])

    return call


@pytest.fixture
def environment(data, quickstart, monkeypatch):
    def use(start):
        domain = "tool" if start == "tool" else "math"
        for name, value in {**variables(data, domain), **quickstart}.items():
            if start == "cpu" or not name.startswith("QUICKSTART"):
                monkeypatch.setenv(name, variables(data, domain).get(name, value))

    return use


@pytest.mark.parametrize("start", STARTS)
def test_the_file_passes_its_check_and_says_how_to_use_it(init, environment, tmp_path, start):
    result = init(start)
    assert result.exit_code == 0, result.output
    environment(start)
    assert check(load(tmp_path / f"{start}.yaml")).problems == []
    header = (tmp_path / f"{start}.yaml").read_text().split("\nproject:")[0]
    assert f"trinity-chord run {start}.yaml" in header
    assert "configs/" not in header
    assert f"  trinity-chord check {start}.yaml\n" in result.stdout


def test_the_first_choice_is_the_shipped_file_with_its_comments(init, tmp_path):
    init("chord", "--gpus", 8)
    text = (tmp_path / "chord.yaml").read_text()
    assert len(re.findall("#", text)) >= 15
    shipped = (ROOT / "configs/mix_chord.yaml").read_text()
    assert text.replace("chord.yaml", "configs/mix_chord.yaml") == shipped


@pytest.mark.parametrize(("here", "written"), [(0, 8), (1, 1), (2, 1), (5, 4), (8, 8)])
@pytest.mark.parametrize("start", ["chord", "math"])
def test_the_cluster_is_that_of_this_machine(init, tmp_path, start, here, written):
    result = init(start, gpus_here=here)
    config = load(tmp_path / f"{start}.yaml")
    assert config.cluster.node_num * config.cluster.gpu_per_node == written
    assert ("no GPU was found here" in result.stdout) == (here == 0)


@pytest.mark.parametrize("gpus", [1, 4, 16])
def test_a_number_of_gpus_can_be_given(init, environment, tmp_path, gpus):
    init("chord", "--gpus", gpus, "--out", "sub/mine.yaml")
    environment("chord")
    report = check(load(tmp_path / "sub/mine.yaml"))
    assert report.problems == []
    assert report.derived["train_batch_size"] == 320


def test_a_file_that_exists_is_not_replaced(init, tmp_path):
    (tmp_path / "math.yaml").write_text("mine")
    result = init("math")
    assert result.exit_code == 2
    assert "which exists, expected a new file" in result.stderr
    assert (tmp_path / "math.yaml").read_text() == "mine"


def test_gpus_make_no_sense_without_any(init, tmp_path):
    result = init("cpu", "--gpus", 4)
    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []
