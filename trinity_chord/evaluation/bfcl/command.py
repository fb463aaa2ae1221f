"""The command ``trinity-chord eval bfcl``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from trinity_chord.evaluation.options import Backend

CANNOT_EVALUATE = 2


def bfcl(
    model: Annotated[
        str | None, typer.Option(help="A model or checkpoint: a folder or a hub id.")
    ] = None,
    responses: Annotated[
        Path | None,
        typer.Option(help='Score given answers, {"id", "response"} a line, without a model.'),
    ] = None,
    categories: Annotated[
        str | None, typer.Option(help="Some of the eight, such as parallel,live_simple.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Cases of each category.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep every sample here; a stopped evaluation goes on.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    temperature: Annotated[float, typer.Option(min=0, help="0: the most probable token.")] = 0.0,
    top_p: Annotated[float, typer.Option(min=0.01, max=1, help="Nucleus sampling.")] = 1.0,
    max_tokens: Annotated[int, typer.Option(min=1, help="Tokens of an answer.")] = 4096,
    seed: Annotated[int, typer.Option(min=0, help="Seed of sampling and intervals.")] = 0,
    backend: Annotated[Backend, typer.Option(help="auto: vLLM where it can run.")] = Backend.auto,
    batch_size: Annotated[int, typer.Option(min=0, help="0: as suits the backend.")] = 0,
    bfcl_eval: Annotated[
        Path | None,
        typer.Option(envvar="TRINITY_CHORD_BFCL", help="The folder that bfcl-eval is in."),
    ] = None,
) -> None:
    """Score a model, or given answers, on the paper's eight categories of BFCL.

    Exits with 2 where what is given cannot be evaluated.
    """
    from trinity_chord.evaluation.bfcl.cases import CATEGORIES
    from trinity_chord.evaluation.bfcl.package import find_package
    from trinity_chord.evaluation.bfcl.run import Request, evaluate
    from trinity_chord.evaluation.bfcl.table import show
    from trinity_chord.evaluation.errors import EvaluationError
    from trinity_chord.evaluation.folder import alone_in
    from trinity_chord.evaluation.sampling import Sampling
    from trinity_chord.evaluation.stdout import stdout_to_stderr

    if (model is None) == (responses is None):
        raise typer.BadParameter("give one of --model and --responses")
    sampling = Sampling(temperature, top_p, max_tokens, seed)
    request = Request(
        source=str(responses) if model is None else model,
        sampling=None if model is None else sampling,
        backend=backend.value,
        batch_size=batch_size,
        categories=CATEGORIES if categories is None else _names(categories),
        limit=limit,
        seed=seed,
    )
    try:
        with (
            stdout_to_stderr() if as_json else nullcontext(),
            alone_in(out) if out else nullcontext(),
            _bar() as progress,
        ):
            package = find_package(bfcl_eval)
            if package.warning:
                typer.echo(package.warning, err=True)
            summary = evaluate(request, package, out, progress)
    except EvaluationError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(CANNOT_EVALUATE) from error
    if as_json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        show(summary, Console())


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """Shows a bar on standard error; gives what to call with the cases done and their number."""
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("bfcl", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
