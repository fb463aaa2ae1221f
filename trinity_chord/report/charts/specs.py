"""Charts as Vega-Lite specifications: the page and the pictures draw the same ones.

A specification has no data and no colors of runs; `with_values` and the page's script add them.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from trinity_chord.report.charts.theme import DASHES

Spec = dict[str, Any]

HEIGHT = 190
STEP_AXIS = {"title": None, "format": "d", "tickMinStep": 1, "tickCount": 6, "labelFlush": True}
P_AXIS = {"title": None, "values": [0, 0.25, 0.5, 0.75, 1], "format": ".2~f", "grid": True}
FORMAT = "~r"
LEGEND = {
    "title": None,
    "orient": "bottom",
    "columns": 3,
    "symbolType": "stroke",
    "symbolOpacity": 1,
    "symbolStrokeWidth": 2,
}
# Three token weights as expressions of Vega.
WEIGHTS = {"SFT: 1": "1", "DFT: p": "datum.p", "φ: p(1-p)": "datum.p * (1 - datum.p)"}
# What the page's controls set: hidden runs, and the range of steps.
PARAMS = (
    {"name": "hidden", "value": []},
    {"name": "from", "value": 0},
    {"name": "to", "value": 0},
)
# A short series is not smoothed, and a gap stays one.
SMOOTHED = "!isValid(datum.value) ? null : datum.few ? datum.value : datum.mean"
VISIBLE = {"filter": "indexof(hidden, datum.run) < 0"}
IN_RANGE = {"filter": "datum.step >= from && datum.step <= to"}


def curves(*, bands: bool, log: bool = False, page: bool = False) -> Spec:
    """Return the chart of a panel's curves.

    Its data has ``run``, ``group``, ``curve``, ``step``, ``value`` (null if it is not a
    number), and ``few``, which is true in a series so short that its points are marked.

    Args:
        bands: One line per group with a band from the lowest to the highest seed, instead of one
            line per run.
        log: Whether the values' axis is logarithmic; values of 0 and below are left out.
        page: Whether the controls of the page act on it.
    """
    transform = [
        {
            "window": [{"op": "mean", "field": "value", "as": "mean"}],
            "frame": [0, 0],  # set by the page: steps before and after
            "sort": [{"field": "step"}],
            "groupby": ["run", "curve"],
        },
        {"calculate": SMOOTHED, "as": "shown"},
    ]
    if page:
        transform = [VISIBLE, *transform, IN_RANGE]
    if log:
        transform += [
            {"calculate": f"datum.{name} > 0 ? datum.{name} : null", "as": name}
            for name in ("shown", "value")
        ]
    if bands:
        transform += _over_seeds()
    color = "group" if bands else "run"
    y = {
        "type": "quantitative",
        "axis": {"title": None, "tickCount": 5, "format": FORMAT},
        "scale": {"type": "log", "nice": True} if log else {"zero": False, "nice": True},
    }
    dash = {"strokeDash": {"field": "curve", "type": "nominal", "legend": None}}
    line = {
        "mark": {"type": "line", "clip": True},
        "encoding": {"y": {"field": "shown", **y}, **dash},
    }
    points = {
        "transform": [{"filter": "datum.few"}],
        "mark": {"type": "point", "filled": True, "size": 46, "opacity": 1},
        "encoding": {"y": {"field": "shown", **y}, "detail": {"field": "curve"}},
    }
    if bands:
        under = {
            "mark": {"type": "area", "opacity": 0.18},
            "encoding": {
                "y": {"field": "low", **y},
                "y2": {"field": "high"},
                "detail": {"field": "curve"},
            },
        }
    else:
        under = {
            "mark": {"type": "line", "strokeWidth": 1, "opacity": 0.25},
            "encoding": {"y": {"field": "value", **y}, **dash},
        }
    return {
        "params": list(PARAMS) if page else [],
        "height": HEIGHT,
        "data": {"name": "points"},
        "transform": transform,
        "encoding": {
            "x": {
                "field": "step",
                "type": "quantitative",
                "axis": STEP_AXIS,
                "scale": _steps_scale(page),
            },
            "color": {"field": color, "type": "nominal", "legend": None},
        },
        "layer": [line, under, points],
    }


def histogram(*, page: bool = False) -> Spec:
    """Return the chart of one run's histogram of expert token probabilities over the steps.

    Its data has ``step`` and ``end`` (the first step of a column and of the next one), ``low`` and
    ``high`` (the edges of a bin) and ``share``.

    Args:
        page: Whether the controls of the page act on it.
    """
    return {
        "params": list(PARAMS) if page else [],
        "height": HEIGHT,
        "data": {"name": "cells"},
        "transform": [IN_RANGE] if page else [],
        "mark": {"type": "rect", "clip": True},
        "encoding": {
            "x": {
                "field": "step",
                "type": "quantitative",
                "axis": {**STEP_AXIS, "grid": False},
                "scale": _steps_scale(page),
            },
            "x2": {"field": "end"},
            "y": {
                "field": "low",
                "type": "quantitative",
                "axis": {**P_AXIS, "grid": False},
                "scale": {"domain": [0, 1]},
            },
            "y2": {"field": "high"},
            "color": {
                "field": "share",
                "type": "quantitative",
                "legend": None,
                # Spreads small shares: most tokens of a good policy are in one bin.
                "scale": {"type": "symlog", "constant": 0.01, "domain": [0, 1]},
            },
        },
    }


def token_weights() -> Spec:
    """Return the chart of three token weights over p, to read next to the histogram."""
    return {
        "height": HEIGHT,
        "data": {"sequence": {"start": 0, "stop": 1.001, "step": 0.02, "as": "p"}},
        "transform": [
            *({"calculate": expression, "as": name} for name, expression in WEIGHTS.items()),
            {"fold": list(WEIGHTS), "as": ["weight", "value"]},
        ],
        "mark": {"type": "line"},
        "encoding": {
            "x": {
                "field": "value",
                "type": "quantitative",
                "axis": P_AXIS,
                "scale": {"domain": [0, 1.02], "nice": False},
            },
            "y": {
                "field": "p",
                "type": "quantitative",
                "axis": P_AXIS,
                "scale": {"domain": [0, 1]},
            },
            "order": {"field": "p"},
            "strokeDash": {
                "field": "weight",
                "type": "nominal",
                "scale": {"domain": list(WEIGHTS), "range": list(DASHES[: len(WEIGHTS)])},
                "legend": None,
            },
        },
    }


def with_values(spec: Spec, values: list[dict[str, Any]], **changes: Any) -> Spec:
    """Return a specification with its data, for a picture.

    Args:
        spec: A specification of this module.
        values: The rows.
        **changes: Further top-level parts, such as ``title``.
    """
    return {**spec, "data": {"values": values}, **changes}


def named(spec: Spec, names: list[str], colors: list[str], kinds: list[str]) -> Spec:
    """Return a chart of curves with its colors and dashes, and legends if there are several.

    Args:
        spec: What `curves` returned.
        names: The labels of the runs, or of the groups in a chart with bands.
        colors: The color of each.
        kinds: The labels of the panel's curves.
    """
    spec = deepcopy(spec)
    spec["encoding"]["color"].update(
        scale={"domain": names, "range": colors}, legend=LEGEND if len(names) > 1 else None
    )
    for layer in spec["layer"]:
        if "strokeDash" in layer["encoding"]:
            layer["encoding"]["strokeDash"].update(
                scale={"domain": kinds, "range": list(DASHES[: len(kinds)])},
                legend=LEGEND if len(kinds) > 1 else None,
            )
    return spec


def _steps_scale(page: bool) -> Spec:
    scale: Spec = {"nice": False, "zero": False}
    return {**scale, "domainMin": {"expr": "from"}, "domainMax": {"expr": "to"}} if page else scale


def _over_seeds() -> list[dict[str, Any]]:
    """Return the mean and the range over the seeds of a group, where all of them have a value."""
    return [
        {
            "joinaggregate": [{"op": "distinct", "field": "run", "as": "seeds"}],
            "groupby": ["group", "curve"],
        },
        {
            "aggregate": [
                {"op": "mean", "field": "shown", "as": "mean"},
                {"op": "min", "field": "shown", "as": "low"},
                {"op": "max", "field": "shown", "as": "high"},
                {"op": "valid", "field": "shown", "as": "count"},
                {"op": "max", "field": "few", "as": "few"},
            ],
            "groupby": ["group", "curve", "step", "seeds"],
        },
        {"filter": "datum.count == datum.seeds"},
        {"calculate": "datum.mean", "as": "shown"},
    ]
