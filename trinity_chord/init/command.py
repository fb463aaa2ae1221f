"""The command `trinity-chord init`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from trinity_chord.recipes.clusters import CLUSTERS, check_gpus


class Start(str, Enum):
    """What there is to start from."""

    chord = "chord"
    math = "math"
    tool = "tool"
    cpu = "cpu"


def init(
    start: Annotated[
        Start,
        typer.Argument(
            help="chord: all main keys, for your own data; math, tool: the paper's experiments, "
            "with the data of `trinity-chord prepare`; cpu: the quickstart, without a GPU."
        ),
    ] = Start.chord,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The file to write; it must not exist. Default: NAME.yaml."),
    ] = None,
    gpus: Annotated[
        int | None,
        typer.Option(
            metavar="|".join(map(str, CLUSTERS)),
            callback=check_gpus,
            help="GPUs of the cluster, 80 GB each. Default: as many as this machine has, or 8.",
        ),
    ] = None,
) -> None:
    """Write a commented configuration to start from."""
    from trinity_chord.init.write import write

    if gpus is not None and start is Start.cpu:
        raise typer.BadParameter("--gpus: `cpu` is for a machine without a GPU")
    for line in write(start.value, out or Path(f"{start.value}.yaml"), gpus):
        typer.echo(line)
