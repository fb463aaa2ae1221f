"""The command `trinity-chord recipes`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trinity_chord.recipes.clusters import CLUSTERS, DEFAULT_GPUS, check_gpus


def recipes(
    folder: Annotated[
        Path | None,
        typer.Option("--write", metavar="DIR", help="Write the recipes to DIR/math and DIR/tool."),
    ] = None,
    gpus: Annotated[
        int | None,
        typer.Option(
            metavar="|".join(map(str, CLUSTERS)),
            callback=check_gpus,
            help=f"With --write: GPUs of the cluster, 80 GB each. Default: {DEFAULT_GPUS}.",
        ),
    ] = None,
) -> None:
    """List the recipes of CHORD's experiments, or write them for a cluster."""
    from trinity_chord.recipes.domains import DOMAINS
    from trinity_chord.recipes.methods import METHODS
    from trinity_chord.recipes.write import write

    if folder is not None:
        for path in write(folder, gpus or DEFAULT_GPUS):
            typer.echo(path)
        return
    if gpus is not None:
        raise typer.BadParameter("--gpus needs --write DIR")
    for domain in DOMAINS:
        for method in METHODS:
            typer.echo(f"{domain}/{method.name}")
