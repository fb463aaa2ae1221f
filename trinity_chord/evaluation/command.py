"""The command group `trinity-chord eval`."""

from __future__ import annotations

import typer

from trinity_chord.evaluation.bfcl.command import bfcl
from trinity_chord.evaluation.math.command import math

eval_app = typer.Typer(
    help="Score a model, or answers from a file, on benchmarks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
eval_app.command()(bfcl)
eval_app.command()(math)
