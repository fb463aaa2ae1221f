"""The command `trinity-chord eval bfcl`."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trinity_chord.bfcl_package import VARIABLE
from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.evaluation.options import (
    ONE_SOURCE,
    BackendOption,
    BatchSizeOption,
    JsonOption,
    MaxTokensOption,
    ModelOption,
    SeedOption,
    TemperatureOption,
    TopPOption,
)
from trinity_chord.evaluation.sampling import Sampling


def bfcl(
    model: ModelOption = None,
    responses: Annotated[
        Path | None,
        typer.Option(
            help='Score these answers instead: JSON lines {"id", "response"}; the response to a '
            "multi-turn case is a list of turns, each a list of replies."
        ),
    ] = None,
    categories: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated, such as parallel,live_simple,multi_turn_base. Default: the "
            "paper's eight, without the four multi-turn ones."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Maximum number of cases per category. Default: all."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for every answer and the scores. Default: none.")
    ] = None,
    as_json: JsonOption = False,
    temperature: TemperatureOption = 0.0,
    top_p: TopPOption = 1.0,
    max_tokens: MaxTokensOption = 4096,
    seed: SeedOption = 0,
    backend: BackendOption = "auto",
    batch_size: BatchSizeOption = 0,
    bfcl_eval: Annotated[
        Path | None,
        typer.Option(envvar=VARIABLE, help="Folder in which bfcl-eval is installed."),
    ] = None,
) -> None:
    """Score a model, or answers from a file, on categories of BFCL: the paper's or multi-turn.

    With --out, the same command resumes a stopped evaluation.
    """
    from trinity_chord.bfcl_package import find_package
    from trinity_chord.evaluation.bfcl.cases import CATEGORIES
    from trinity_chord.evaluation.bfcl.run import Request, evaluate
    from trinity_chord.evaluation.bfcl.table import show
    from trinity_chord.evaluation.folder import alone_in
    from trinity_chord.evaluation.progress import progress_bar
    from trinity_chord.terminal import stdout_to_stderr

    sampling = None
    with stdout_to_stderr():
        if model is not None and responses is None:
            source = model
            sampling = Sampling(temperature, top_p, max_tokens, seed)
        elif responses is not None and model is None:
            source = str(responses)
        else:
            raise EvaluationError(ONE_SOURCE)
        request = Request(
            source=source,
            sampling=sampling,
            backend=backend,
            batch_size=batch_size,
            categories=CATEGORIES if categories is None else _names(categories),
            limit=limit,
            seed=seed,
        )
        with alone_in(out) if out else nullcontext(), progress_bar() as bar:
            task = bar.add_task("scoring cases", total=None)
            package = find_package(bfcl_eval)
            if package.warning:
                typer.echo(package.warning, err=True)
            summary = evaluate(
                request,
                package,
                out,
                lambda done, total: bar.update(task, completed=done, total=total),
            )
    if as_json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        show(summary, Console())


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
