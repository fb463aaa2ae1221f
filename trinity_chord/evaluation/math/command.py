"""The command `trinity-chord eval math`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.evaluation.math.benchmarks import BENCHMARKS
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
from trinity_chord.evaluation.sampling import Backend, Sampling
from trinity_chord.terminal import stdout_to_stderr


def math(
    model: ModelOption = None,
    responses: Annotated[
        Path | None,
        typer.Option(
            help='Score these answers instead: JSON lines {"set", "id", "response"[, "sample"]}.'
        ),
    ] = None,
    sets: Annotated[
        str | None,
        typer.Option(
            help=f"Comma-separated, from {', '.join(BENCHMARKS)}. Default: all sets, or those in "
            "--responses."
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder with SET.jsonl or SET.parquet. Default: the Hugging Face hub."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for answers and scores. Default: runs/eval/math/MODEL-FINGERPRINT, or "
            "none with --responses."
        ),
    ] = None,
    k: Annotated[
        list[str],
        typer.Option(
            "--k",
            help="Answers per problem: 4 for all sets, aime24=16 for one. May be repeated. "
            "Default: the paper's.",
        ),
    ] = [],  # noqa: B006  (typer reads the default)
    temperature: TemperatureOption = 0.6,
    top_p: TopPOption = 0.95,
    max_tokens: MaxTokensOption = 16384,
    seed: SeedOption = 0,
    backend: BackendOption = "auto",
    batch_size: BatchSizeOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Score a model, or answers from a file, on AMC23, AIME24, AIME25 and MMLU-Pro.

    The same command resumes a stopped evaluation.
    """
    with stdout_to_stderr():
        if model is not None and responses is None:
            out = out or _default_out(model)
            sampling = Sampling(temperature, top_p, max_tokens, seed)
            summary = _score_model(
                model, sets, data_dir, out, k, sampling, backend=backend, batch_size=batch_size
            )
        elif responses is not None and model is None:
            summary = _score_responses(responses, sets, data_dir, out, seed)
        else:
            raise EvaluationError(ONE_SOURCE)
    if as_json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        _show(summary, out)


def _score_model(
    model: str,
    sets: str | None,
    data_dir: Path | None,
    out: Path,
    k: Sequence[str],
    sampling: Sampling,
    *,
    backend: Backend,
    batch_size: int,
) -> dict[str, Any]:
    from trinity_chord.evaluation.checkpoint import resolve_model
    from trinity_chord.evaluation.folder import alone_in
    from trinity_chord.evaluation.math.answers import sample_answers
    from trinity_chord.evaluation.math.benchmarks import load_sets
    from trinity_chord.evaluation.math.evaluate import evaluate
    from trinity_chord.evaluation.progress import progress_bar

    names = parse_sets(sets) or list(BENCHMARKS)
    answers_per_problem = parse_k(k, names)
    resolve_model(model)  # A wrong model is reported before the sets are downloaded.
    problems = load_sets(names, data_dir)
    with alone_in(out), progress_bar() as bar:
        task = bar.add_task("sampling problems", total=None)
        answers, settings = sample_answers(
            model,
            problems,
            answers_per_problem,
            sampling,
            out,
            backend=backend,
            batch_size=batch_size,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        settings |= {"backend": backend, "batch_size": batch_size}
        return evaluate(model, problems, answers, sampling.seed, bar, settings, out)


def _score_responses(
    responses: Path, sets: str | None, data_dir: Path | None, out: Path | None, seed: int
) -> dict[str, Any]:
    from trinity_chord.evaluation.folder import alone_in
    from trinity_chord.evaluation.math.answers import read_responses, sets_in
    from trinity_chord.evaluation.math.benchmarks import load_sets
    from trinity_chord.evaluation.math.evaluate import evaluate
    from trinity_chord.evaluation.progress import progress_bar

    names = parse_sets(sets) or [name for name in sets_in(responses) if name in BENCHMARKS]
    problems = load_sets(names, data_dir)
    with alone_in(out) if out else nullcontext(), progress_bar() as bar:
        answers, settings = read_responses(responses, problems, out)
        return evaluate(responses.name, problems, answers, seed, bar, settings, out)


def parse_sets(sets: str | None) -> list[str]:
    """Return the names in `--sets`, none if it is not given.

    Raises:
        EvaluationError: A name is unknown, or there is none.
    """
    names = list(dict.fromkeys(name.strip() for name in (sets or "").split(",") if name.strip()))
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown or (sets is not None and not names):
        got = ", ".join(unknown) or repr(sets)
        raise EvaluationError(f"--sets: got {got}, expected some of {', '.join(BENCHMARKS)}")
    return names


def parse_k(given: Sequence[str], names: Sequence[str]) -> dict[str, int]:
    """Return the number of answers per problem of each set; the default is the paper's.

    Args:
        given: `N` for all sets, or `SET=N`; a later one overrides an earlier one.
        names: The sets.

    Raises:
        EvaluationError: A value has neither form.
    """
    found = {name: BENCHMARKS[name].k for name in names}
    for each in given:
        name, _, number = each.rpartition("=")
        if not re.fullmatch("[1-9][0-9]*", number) or name not in ("", *names):
            raise EvaluationError(
                f"--k: got {each!r}, expected a number above 0, or SET=NUMBER with a set of "
                f"{', '.join(names)}"
            )
        found |= dict.fromkeys([name] if name else names, int(number))
    return found


def _default_out(model: str) -> Path:
    from trinity_chord.evaluation.checkpoint import fingerprint

    name = re.sub(r"[^\w.-]+", "_", model).strip("_")[-80:]
    return Path("runs/eval/math") / f"{name}-{fingerprint(model)[:8]}"


def _show(summary: dict[str, Any], out: Path | None) -> None:
    from trinity_chord.evaluation.math.report import notes, table

    console = Console()
    console.print(table(summary["sets"], summary["name"]))
    for note in notes(summary["sets"]):
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    if out is not None:
        console.print(f"Answers and scores: {out}", markup=False, highlight=False, soft_wrap=True)
