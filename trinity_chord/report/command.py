"""`trinity-chord report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="Folders of runs, or with runs below them; LABEL=FOLDER names its run.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The page.")] = Path("report.html"),
    png: Annotated[
        Path | None, typer.Option(help="Also draw each chart into a PNG file in this folder.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Also write every value of every metric into this file.")
    ] = None,
    title: Annotated[str, typer.Option(help="Heading of the page, instead of the labels.")] = "",
) -> None:
    """Show runs as one HTML page that needs no network: curves, rollouts, configurations.

    Reads what `trinity-chord run` records, Trinity's tensorboard files, and offline folders of
    wandb. Runs that differ by their seeds only become one line with a band.
    """
    from trinity_chord.report.page.build import build_page
    from trinity_chord.report.pictures import draw_each
    from trinity_chord.report.runs import read_runs
    from trinity_chord.report.sources import write_csv

    read, problems = read_runs(runs)
    for problem in problems:
        typer.echo(problem, err=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(build_page(read, problems, title), encoding="utf-8")
    typer.echo(f"page: {out}")
    if png is not None:
        typer.echo(f"pictures: {draw_each(read, png, bands=len({run.group for run in read}) < len(read))[-1].parent}")
    if csv is not None:
        csv.parent.mkdir(parents=True, exist_ok=True)
        write_csv(csv, [(run.label, run.reading) for run in read])
        typer.echo(f"values: {csv}")
