"""The command `trinity-chord recipes`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def recipes(
    folder: Annotated[
        Path | None, typer.Option("--write", help="Write the recipes here, a folder a domain.")
    ] = None,
) -> None:
    """List the recipes of configs/math and configs/tool, or write them anew."""
    from trinity_chord.recipes.domains import DOMAINS
    from trinity_chord.recipes.methods import METHODS
    from trinity_chord.recipes.write import write

    if folder is not None:
        for path in write(folder):
            typer.echo(path)
        return
    for domain in DOMAINS:
        for method in METHODS:
            typer.echo(f"{domain}/{method.name}")
