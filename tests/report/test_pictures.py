"""Pictures and values as files, and the command."""

import csv

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.report.run_folder import make_run
from trinity_chord.cli import app
from trinity_chord.report.charts.pictures import charts_of, draw
from trinity_chord.report.page import build
from trinity_chord.report.reading.runs import read_runs


@pytest.fixture
def runs(tmp_path):
    for seed in (0, 1):
        make_run(tmp_path / f"mu_seed{seed}", steps=20, seed=seed)
    return read_runs([str(tmp_path)])[0]


def test_a_picture_has_every_chart(runs, tmp_path):
    path = draw(runs, tmp_path / "new" / "all.png", bands=True, title="a title")
    pixels = np.asarray(Image.open(path).convert("RGB"))
    assert pixels.shape[1] > 2000
    assert pixels.std() > 5  # not blank
    blue = (abs(pixels.astype(int) - (0x2F, 0x6F, 0xDE)).sum(-1) < 30).sum()
    assert blue > 1000  # the curves of the first group


def test_a_chart_without_data_is_left_out(runs):
    keys = charts_of(runs, bands=False)
    assert {"reward", "mu", "histogram-1", "histogram-2"} <= set(keys)
    assert "staleness" not in keys


def test_the_band_is_between_the_lowest_and_the_highest_seed(runs):
    import vl_convert

    spec = charts_of(runs, bands=True)["reward"]
    view = vl_convert.vegalite_to_vega(spec, vl_version="6.4")
    assert any(mark["type"] == "group" and "area" in str(mark) for mark in view["marks"])
    steps = {row["step"]: [] for row in spec["data"]["values"]}
    for row in spec["data"]["values"]:
        steps[row["step"]].append(row["value"])
    assert steps[1] == pytest.approx([0.02, 0.12])


def test_the_command_writes_the_page_the_pictures_and_the_values(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "_vega", lambda: "window.vegaEmbed = null;")
    job = make_run(tmp_path, steps=2)
    out = tmp_path / "out"
    arguments = ["--out", out / "r.html", "--csv", out / "r.csv", "--title", "A title"]
    result = CliRunner().invoke(app, ["report", *map(str, [job, *arguments])])
    assert result.exit_code == 0, result.output
    assert "<title>A title</title>" in (out / "r.html").read_text()
    rows = list(csv.reader((out / "r.csv").open()))
    assert rows[0] == ["run", "metric", "step", "value"]
    assert ["run", "actor/mu", "2", "0.5"] in rows


def test_the_command_draws_each_chart(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "_vega", lambda: "window.vegaEmbed = null;")
    drawn = {}
    monkeypatch.setattr(
        "trinity_chord.report.charts.pictures._write",
        lambda spec, path: drawn.setdefault(path.name),
    )
    job = make_run(tmp_path, steps=2)
    arguments = [
        "report",
        str(job),
        "--out",
        str(tmp_path / "r.html"),
        "--png",
        str(tmp_path / "png"),
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert {"all.png", "reward.png", "histogram.png"} <= set(drawn)


def test_without_a_run_the_command_names_every_problem(tmp_path):
    (tmp_path / "empty").mkdir()
    result = CliRunner().invoke(app, ["report", str(tmp_path / "empty"), str(tmp_path / "none")])
    assert result.exit_code == 2
    assert result.stderr.startswith("nothing to report: 2 problems\n  1. ")
    assert "Traceback" not in result.stderr


def test_a_run_that_is_missing_is_named_and_the_page_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "_vega", lambda: "window.vegaEmbed = null;")
    job = make_run(tmp_path, steps=2)
    out = tmp_path / "r.html"
    result = CliRunner().invoke(
        app, ["report", str(job), str(tmp_path / "none"), "--out", str(out)]
    )
    assert result.exit_code == 0
    assert "none: does not exist" in result.stderr
    assert "none: does not exist" in out.read_text()
