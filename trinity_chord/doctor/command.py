"""The command `trinity-chord doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trinity_chord.doctor.findings import Finding

FOUND_PROBLEMS = 2


def doctor(
    train: Annotated[
        bool, typer.Option("--train", help="Also train one small step, on the CPU.")
    ] = False,
) -> None:
    """Examine the installation and this machine. Exits with 2 if something is wrong."""
    from trinity_chord.doctor.findings import State

    states = []
    for finding in _examine(train):
        typer.echo(str(finding))
        states.append(finding.state)
    if State.bad in states:
        raise typer.Exit(FOUND_PROBLEMS)


def _examine(train: bool) -> Iterator[Finding]:
    """Yield one finding after the other; what needs a working installation comes last."""
    from trinity_chord.doctor.findings import State
    from trinity_chord.doctor.machine import examine_gpus, examine_space, gpus_by_driver
    from trinity_chord.doctor.packages import examine_packages
    from trinity_chord.doctor.plugin import examine_plugin
    from trinity_chord.doctor.step import train_one_step

    gpus = gpus_by_driver()
    works = True
    for finding in examine_packages(len(gpus)):
        works = works and finding.state is not State.bad
        yield finding
    yield from examine_space(Path.cwd())
    if not works:
        return
    yield from examine_gpus(gpus)
    yield from examine_plugin()
    if train:
        yield train_one_step(len(gpus))
