"""Builds the page: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib.resources import files
from pathlib import Path
from typing import Any

from trinity_chord.report.charts.panels import Panel, panels_of
from trinity_chord.report.page.data import chart_data
from trinity_chord.report.page.examples import examples_of
from trinity_chord.report.page.summary import notes_of, summarize
from trinity_chord.report.reading.runs import Run, group_labels
from trinity_chord.report.settings import differences
from trinity_chord.report.text import value_text, visible

SCRIPTS = ("charts.js", "hover.js", "controls.js")
TOKEN_WEIGHT = "algorithm.policy_loss_fn_args.token_weight"


def write_page(
    runs: Sequence[Run], path: Path, problems: Sequence[str] = (), title: str = ""
) -> Path:
    """Write the page of some runs; see `build_page`. The folder is created if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(build_page(runs, problems, title), encoding="utf-8", errors="replace")
    return path


def build_page(runs: Sequence[Run], problems: Sequence[str] = (), title: str = "") -> str:
    """Return the page of some runs as HTML.

    Everything from a run enters it as escaped text or as JSON, never as markup. Only the scripts
    of this package run, by their hashes, and nothing is loaded.

    Args:
        runs: The runs.
        problems: What could not be read.
        title: The heading; the labels of the runs if empty.
    """
    from jinja2 import Environment
    from markupsafe import Markup

    scripts = [_vega(), *(_part(name) for name in SCRIPTS)]
    panels = panels_of({name for run in runs for name in run.reading.metrics})
    drawn = [p for p in panels if any(run.series(curve) for run in runs for curve in p.curves)]
    rollouts, missing = examples_of(runs)
    known = [run.settings for run in runs if run.settings is not None]
    differing = differences(known) if len(known) == len(runs) > 1 else {}
    data = chart_data(runs, drawn)
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        _part("page.html.jinja")
    )
    return template.render(
        policy=_policy(scripts),
        title=visible(title) or _title(runs),
        subtitle=_subtitle(runs),
        style=Markup(_part("style.css")),
        scripts=[Markup(script) for script in scripts],
        data=Markup(_json(data)),
        notes=[visible(note) for note in [*notes_of(runs, panels, problems), *missing]],
        summary=summarize(runs),
        has_seeds=data["seeds"],
        runs=runs,
        sections=_by_section(drawn),
        histograms=[_histogram_title(runs[each["run"]]) for each in data["histograms"]],
        rollouts=rollouts,
        differences=[(visible(key), list(map(value_text, row))) for key, row in differing.items()],
        differences_text=_without_differences(runs, known),
        made=f"Made by trinity-chord {_version()} on {_day(datetime.now(timezone.utc))}.",
    )


def _histogram_title(run: Run) -> dict[str, str]:
    weight = (run.settings or {}).get(TOKEN_WEIGHT)
    return {"label": run.label, "weight": "" if weight is None else visible(str(weight), 60)}


def _by_section(panels: Sequence[Panel]) -> list[tuple[str, list[Panel]]]:
    sections: dict[str, list[Panel]] = {}
    for panel in panels:
        sections.setdefault(panel.section, []).append(panel)
    return list(sections.items())


def _title(runs: Sequence[Run]) -> str:
    names = group_labels(runs)
    return ", ".join(map(visible, names)) if len(names) <= 3 else f"{len(runs)} runs"


def _subtitle(runs: Sequence[Run]) -> str:
    steps = max(run.reading.steps()[-1] for run in runs)
    ended = max(
        (max(run.reading.times.values()) for run in runs if run.reading.times), default=None
    )
    parts = [f"{len(runs)} run{'s' * (len(runs) > 1)}", f"{steps:,} steps"]
    if ended is not None:
        parts.append(f"last step on {_day(datetime.fromtimestamp(ended, timezone.utc))}")
    return " · ".join(parts)


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _without_differences(runs: Sequence[Run], known: Sequence[Mapping[str, Any]]) -> str:
    if len(runs) == 1:
        return ""
    if len(known) < len(runs):
        return "Not compared: the configuration of at least one run is not known."
    return "None, apart from names and folders."


def _policy(scripts: Sequence[str]) -> str:
    """Return the policy by which a browser runs these scripts only, and loads nothing."""
    hashes = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _json(data: Mapping[str, Any]) -> str:
    """Return JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _vega() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script."""
    import vl_convert

    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return script.replace("</script", "<\\/script")


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _version() -> str:
    from importlib.metadata import version

    return version("trinity-chord")
