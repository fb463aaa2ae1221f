"""The data that the scripts of the page draw from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trinity_chord.report.charts import specs
from trinity_chord.report.charts.panels import Panel
from trinity_chord.report.charts.points import FEW, histogram_of, points_of
from trinity_chord.report.charts.theme import COLORS, DASHES, SHARES, vega_config
from trinity_chord.report.reading.runs import Run, group_labels

# A run of at least LONG steps is first shown as means over SMOOTH steps on either side of each.
SMOOTH, LONG = 2, 40


def chart_data(runs: Sequence[Run], panels: Sequence[Panel]) -> dict[str, Any]:
    """Return the data of all charts of some runs, and how they are drawn.

    Args:
        runs: The runs.
        panels: The panels that have curves.
    """
    groups = group_labels(runs)
    steps = [step for run in runs for step in (run.reading.steps()[0], run.reading.steps()[-1])]
    return {
        "runs": [{"label": run.label, "group": run.group} for run in runs],
        "groups": groups,
        "seeds": len(groups) < len(runs),
        "range": [min(steps), max(max(steps), min(steps) + 1)],
        "few": FEW,
        "smooth": SMOOTH if max(steps) >= LONG else 0,
        "colors": COLORS,
        "dashes": DASHES,
        "shares": SHARES,
        "weights": list(specs.WEIGHTS),
        "legend": specs.LEGEND,
        "themes": {theme: vega_config(theme) for theme in COLORS},
        "specs": {
            **{
                mode: {
                    axis: specs.curves(bands=mode == "bands", log=axis == "log", page=True)
                    for axis in ("linear", "log")
                }
                for mode in ("lines", "bands")
            },
            "histogram": specs.histogram(page=True),
            "weights": specs.token_weights(),
        },
        "panels": [_panel_data(panel, runs) for panel in panels],
        "histograms": [
            {"run": number, "edges": found.edges, "shares": found.shares}
            for number, run in enumerate(runs)
            if (found := histogram_of(run.reading.metrics))
        ],
    }


def _panel_data(panel: Panel, runs: Sequence[Run]) -> dict[str, Any]:
    curves = [curve for curve in panel.curves if any(run.series(curve) for run in runs)]
    series = []
    for number, run in enumerate(runs):
        for index, curve in enumerate(curves):
            values = run.series(curve)
            if values:
                points = points_of(values)
                series.append(
                    {"run": number, "curve": index, "steps": points.steps, "values": points.values}
                )
    return {
        "key": panel.key,
        "title": panel.title,
        "curves": [curve.label for curve in curves],
        "data": series,
    }
