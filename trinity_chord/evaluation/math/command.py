"""``trinity-chord eval math``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.evaluation.math.benchmarks import BENCHMARKS
from trinity_chord.evaluation.options import Backend
from trinity_chord.evaluation.stdout import stdout_to_stderr

if TYPE_CHECKING:
    from trinity_chord.evaluation.math.answers import Sampling

CANNOT_RUN = 2


def math(
    model: Annotated[
        str | None, typer.Option(help="A Hugging Face folder, a Trinity checkpoint, or a hub id.")
    ] = None,
    responses: Annotated[
        Path | None,
        typer.Option(help="Score these answers instead: JSON lines of set, id, response, sample."),
    ] = None,
    sets: Annotated[
        str | None,
        typer.Option(help=f"Of {','.join(BENCHMARKS)} (all, or those that --responses has)."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="A folder with amc23.jsonl or .parquet, ... (the hub).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keeps answers and scores (runs/eval/math/MODEL).")
    ] = None,
    k: Annotated[
        list[str],
        typer.Option("--k", help="Answers to a problem: 4, or aime24=16; may be given again."),
    ] = [],  # noqa: B006  (typer reads the default)
    temperature: Annotated[float, typer.Option(min=0, help="0: the most probable.")] = 0.6,
    top_p: Annotated[float, typer.Option(min=1e-6, max=1, help="Nucleus of the sampling.")] = 0.95,
    max_tokens: Annotated[int, typer.Option(min=1, help="Of an answer.")] = 16384,
    seed: Annotated[int, typer.Option(min=0, help="Of answers and bootstrap.")] = 0,
    backend: Annotated[
        Backend, typer.Option(help="auto: vLLM where it is installed and there is a GPU.")
    ] = Backend.auto,
    batch_size: Annotated[
        int, typer.Option(min=0, help="Answers sampled together; 0: the backend's own.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Score a model, or given answers, on AMC23, AIME24, AIME25 and MMLU-Pro.

    A stopped evaluation goes on where it was when the same command is given again.
    """
    from trinity_chord.evaluation.math.answers import Sampling
    from trinity_chord.rewards.verifier import VerifierError

    sampling = Sampling(temperature, top_p, max_tokens, seed)
    try:
        with stdout_to_stderr():
            if (model is None) == (responses is None):
                raise EvaluationError("give either --model or --responses")
            if responses is not None:
                summary = _score_responses(responses, sets, data_dir, out, seed)
            else:
                out = out or _default_out(model)
                engine = {"backend": backend.value, "batch_size": batch_size}
                summary = _score_model(model, sets, data_dir, out, k, sampling, engine)
    except (EvaluationError, VerifierError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(CANNOT_RUN) from error
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
    engine: Mapping[str, Any],
) -> dict[str, Any]:
    from trinity_chord.evaluation.checkpoint import resolve_model
    from trinity_chord.evaluation.folder import alone_in
    from trinity_chord.evaluation.math.answers import sample_answers
    from trinity_chord.evaluation.math.benchmarks import load_sets
    from trinity_chord.evaluation.math.evaluate import evaluate, progress

    names = parse_sets(sets) or list(BENCHMARKS)
    answers_each = parse_k(k, names)
    resolve_model(model)  # before the hub is asked for the sets
    problems = load_sets(names, data_dir)
    with alone_in(out), progress() as bar:
        task = bar.add_task("sampling, problems", total=None)
        answers, settings = sample_answers(
            model,
            problems,
            answers_each,
            sampling,
            out,
            **engine,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        return evaluate(model, problems, answers, sampling.seed, bar, settings | engine, out)


def _score_responses(
    responses: Path, sets: str | None, data_dir: Path | None, out: Path | None, seed: int
) -> dict[str, Any]:
    from trinity_chord.evaluation.folder import alone_in
    from trinity_chord.evaluation.math.answers import read_responses, sets_in
    from trinity_chord.evaluation.math.benchmarks import load_sets
    from trinity_chord.evaluation.math.evaluate import evaluate, progress

    names = parse_sets(sets) or [name for name in sets_in(responses) if name in BENCHMARKS]
    problems = load_sets(names, data_dir)
    with alone_in(out) if out else nullcontext(), progress() as bar:
        answers, settings = read_responses(responses, problems, out)
        return evaluate(responses.name, problems, answers, seed, bar, settings, out)


def parse_sets(sets: str | None) -> list[str]:
    """Return the names in `--sets`, none where it is not given.

    Raises:
        EvaluationError: A name is unknown.
    """
    names = list(dict.fromkeys(name.strip() for name in (sets or "").split(",") if name.strip()))
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        raise EvaluationError(
            f"--sets: {', '.join(unknown)} unknown. Wanted: {', '.join(BENCHMARKS)}"
        )
    return names


def parse_k(given: Sequence[str], names: Sequence[str]) -> dict[str, int]:
    """Return the number of answers to a problem of each set: the paper's where not given.

    Args:
        given: `N` for all sets, or `SET=N`; the later one holds.
        names: The sets.

    Raises:
        EvaluationError: One is neither.
    """
    found = {name: BENCHMARKS[name].k for name in names}
    for each in given:
        name, _, number = each.rpartition("=")
        if not re.fullmatch("[1-9][0-9]*", number) or name not in ("", *names):
            raise EvaluationError(
                f"--k {each!r}: expected a number above 0, or SET=NUMBER with a set of "
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
