"""The command group ``trinity-chord eval``."""

from __future__ import annotations

import typer

eval_app = typer.Typer(
    help="Score a model, or given answers, on benchmarks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
