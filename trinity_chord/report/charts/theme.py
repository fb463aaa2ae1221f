"""Colors of the page and its charts, light and dark."""

from __future__ import annotations

from typing import Any

# One color per run or group, which people with impaired color vision can tell apart in this order.
COLORS = {
    "light": (
        "#2f6fde", "#e8710a", "#14915f", "#9444c4", "#d6336c",
        "#0c8599", "#8d6e4a", "#5f6b7a", "#7a8b00", "#4453c5",
    ),
    "dark": (
        "#6ea8ff", "#ffa94d", "#4fd1a1", "#c99bf0", "#ff7eaa",
        "#4dd4e6", "#d0ad85", "#a9b4c2", "#bfd03a", "#97a3ff",
    ),
}  # fmt: skip
DASHES = ([1, 0], [5, 3], [2, 2], [8, 3, 2, 3])
# From no token to all tokens of a step.
SHARES = {
    "light": ("#f4f6f9", "#cfe0fb", "#86b2f5", "#2f6fde", "#173a80", "#0b1d42"),
    "dark": ("#1b222d", "#24477c", "#2f74cf", "#5fa4fb", "#b3d6ff", "#f0f7ff"),
}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
INK = {
    "light": {"text": "#1b2330", "muted": "#5b6575", "grid": "#e9ecf1", "card": "#ffffff"},
    "dark": {"text": "#e4e9f0", "muted": "#93a0b3", "grid": "#252e3b", "card": "#171d26"},
}


def vega_config(theme: str) -> dict[str, Any]:
    """Return the configuration of every chart.

    Args:
        theme: ``light`` or ``dark``.
    """
    ink = INK[theme]
    return {
        "background": ink["card"],
        "font": FONT,
        "padding": 2,
        "view": {"stroke": None},
        "axis": {
            "domain": False,
            "ticks": False,
            "grid": True,
            "gridColor": ink["grid"],
            "labelColor": ink["muted"],
            "labelFontSize": 11,
            "labelPadding": 6,
            "titleColor": ink["muted"],
            "titleFontSize": 11,
            "titleFontWeight": "normal",
            "titlePadding": 6,
        },
        "axisY": {"minExtent": 34},
        "axisX": {"grid": False, "domain": True, "domainColor": ink["grid"]},
        "legend": {
            "labelColor": ink["text"],
            "titleColor": ink["muted"],
            "titleFontWeight": "normal",
            "labelLimit": 240,
            "symbolStrokeWidth": 2,
            "symbolSize": 180,
        },
        "title": {
            "color": ink["text"],
            "fontSize": 13,
            "fontWeight": 600,
            "anchor": "start",
            "offset": 10,
        },
        "line": {"strokeWidth": 2, "strokeCap": "round", "strokeJoin": "round"},
    }
