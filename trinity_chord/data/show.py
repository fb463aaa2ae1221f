"""Shows a prepared set on the console."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from trinity_chord.data.prepare import Prepared


def show(prepared: Prepared, out: Path, console: Console) -> None:
    """Print the counts of each step, the sets, and where they are."""
    manifest = prepared.manifest
    if not prepared.made_now:
        console.print(f"{out} already holds this set, unchanged.", highlight=False)
    for filters in manifest["filters"]:
        console.print(_table(filters))
    for name, found in manifest["draws"].items():
        path = out / manifest["outputs"][name]["path"]
        line = f"{name}: {found['rows']:,} rows of {found['available']:,} -> {path}"
        console.print(line, highlight=False, soft_wrap=True)
        if found["rows"] < found["wanted"]:
            short = f"  fewer than the {found['wanted']:,} requested: the source has no more"
            console.print(short, highlight=False, soft_wrap=True)


def _table(filters: dict[str, Any]) -> Table:
    table = Table(title=filters["source"], title_justify="left")
    for header in ("for", "step"):
        table.add_column(header)
    for header in ("in", "dropped", "out"):
        table.add_column(header, justify="right")
    listed = [(" and ".join(filters["sets"]), filters["steps"]), *filters["own_steps"].items()]
    for sets, steps in listed:
        for step in steps:
            counts = (f"{step[key]:,}" for key in ("in", "dropped", "out"))
            table.add_row(sets, step["step"], *counts)
    for what, count in filters["counts"].items():
        table.add_row("", what, "", "", f"{count:,}")
    return table
