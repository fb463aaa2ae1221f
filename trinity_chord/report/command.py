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
    from datasets import disable_progress_bars

    from trinity_chord.report.charts.pictures import draw_each
    from trinity_chord.report.page.build import write_page
    from trinity_chord.report.reading.runs import read_runs
    from trinity_chord.report.values import write_csv

    disable_progress_bars()  # of the expert sets, which are read for a few answers
    read, problems = read_runs(runs)
    for problem in problems:
        typer.echo(problem, err=True)
    typer.echo(f"page: {write_page(read, out, problems, title)}")
    if png is not None:
        typer.echo(f"pictures: {len(draw_each(read, png))} in {png}")
    if csv is not None:
        typer.echo(f"values: {write_csv(read, csv)}")
