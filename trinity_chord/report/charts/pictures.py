"""Draws the charts of a report into PNG files, without a browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trinity_chord.report.charts import specs
from trinity_chord.report.charts.panels import Panel, panels_of
from trinity_chord.report.charts.points import histogram_of, points_of
from trinity_chord.report.charts.theme import COLORS, SHARES, vega_config
from trinity_chord.report.reading.runs import Run, group_labels

WIDTH = 380
COLUMNS = 3
SCALE = 2.5  # 240 dots per inch for a chart of WIDTH in print
VEGA_LITE = "6.4"


def draw(runs: Sequence[Run], path: Path, *, bands: bool = False, title: str = "") -> Path:
    """Draw every chart of the runs into one picture.

    Args:
        runs: The runs.
        path: The PNG file; its folder is created if missing.
        bands: Whether runs that differ by seed are one line with a band.
        title: The heading of the picture.

    Returns:
        The path.
    """
    every = list(charts_of(runs, bands=bands).values())
    heading: specs.Spec = {"title": {"text": title, "fontSize": 16}} if title else {}
    own_scales = {"scale": {"color": "independent", "strokeDash": "independent"}}
    rows = [
        {"hconcat": every[i : i + COLUMNS], "bounds": "flush", "spacing": 50, "resolve": own_scales}
        for i in range(0, len(every), COLUMNS)
    ]
    return _write({"vconcat": rows, "spacing": 36, "resolve": own_scales, **heading}, path)


def draw_each(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Draw each chart of the runs into a file of its own, and all of them into ``all.png``.

    Runs that differ by seed are one line with a band.
    """
    bands = len({run.group for run in runs}) < len(runs)
    every = charts_of(runs, bands=bands)
    paths = [_write(spec, folder / f"{key}.png") for key, spec in every.items()]
    return [*paths, draw(runs, folder / "all.png", bands=bands)]


def charts_of(runs: Sequence[Run], *, bands: bool) -> dict[str, specs.Spec]:
    """Return each chart that has data, by its key."""
    names = {name for run in runs for name in run.reading.metrics}
    found = {p.key: spec for p in panels_of(names) if (spec := _curves(p, runs, bands))}
    for number, run in enumerate(runs, 1):
        histogram = histogram_of(run.reading.metrics)
        if histogram is None:
            continue
        title = "p of expert tokens" + (f", {run.label}" if len(runs) > 1 else "")
        spec = specs.with_values(specs.histogram(), histogram.rows(), title=title, width=WIDTH)
        spec["encoding"]["color"]["scale"]["range"] = list(SHARES["light"])
        spec["encoding"]["color"]["legend"] = {"title": "share of tokens", "format": "~%"}
        found[f"histogram-{number}" if len(runs) > 1 else "histogram"] = spec
    return found


def _curves(panel: Panel, runs: Sequence[Run], bands: bool) -> specs.Spec | None:
    rows: list[dict[str, Any]] = []
    groups = group_labels(runs)
    drawn: set[str] = set()
    for run in runs:
        for curve in panel.curves:
            series = run.series(curve)
            if series:
                drawn.add(curve.label)
                rows += points_of(series).rows(
                    run=run.label, group=groups[run.group], curve=curve.label
                )
    if not rows:
        return None
    spec = specs.with_values(specs.curves(bands=bands), rows, title=panel.title, width=WIDTH)
    if not any(row["few"] for row in rows):
        spec = {**spec, "layer": spec["layer"][:-1]}  # no points to mark
    names = groups if bands else [run.label for run in runs]
    colors = [COLORS["light"][number % len(COLORS["light"])] for number in range(len(names))]
    kinds = [curve.label for curve in panel.curves if curve.label in drawn]
    return specs.named(spec, names, colors, kinds)


def _write(spec: specs.Spec, path: Path) -> Path:
    import vl_convert

    whole = {**spec, "config": vega_config("light"), "padding": 12}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(vl_convert.vegalite_to_png(whole, vl_version=VEGA_LITE, scale=SCALE))
    return path
