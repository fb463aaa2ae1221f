"""Scores a model, or answers from a file, on the benchmark."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trinity_chord.bfcl_package import DISTRIBUTION, Package
from trinity_chord.evaluation.bfcl.cases import ALL_CATEGORIES, AnyCase, Case, choose, load_cases
from trinity_chord.evaluation.bfcl.multi_turn import Record, play_cases, record_of
from trinity_chord.evaluation.bfcl.official import Official, load_official
from trinity_chord.evaluation.bfcl.responses import read_responses
from trinity_chord.evaluation.bfcl.scores import score
from trinity_chord.evaluation.bfcl.store import Store
from trinity_chord.evaluation.bfcl.verdicts import judge
from trinity_chord.evaluation.checkpoint import fingerprint
from trinity_chord.evaluation.sampling import Backend, Sample, Sampler, Sampling, sample
from trinity_chord.multi_turn.cases import MULTI_TURN_CATEGORIES, MultiTurnCase
from trinity_chord.multi_turn.simulators import Simulators
from trinity_chord.prompts import tool_messages
from trinity_chord.versions import installed_version

SECONDS = 60.0
"""Time limit of the simulators for the calls of a conversation."""
PACKAGES = ("trinity-chord", "trinity-rft", "transformers", "torch", "vllm")


@dataclass(frozen=True)
class Request:
    """What to evaluate.

    Attributes:
        source: The model (a folder or hub id), or the file of answers.
        sampling: How to sample the model; None for a file of answers.
        backend: See `sampling.sample`.
        batch_size: See `sampling.sample`.
        categories: Some of `ALL_CATEGORIES`.
        limit: Maximum number of cases per category; None for all.
        seed: Seed of the intervals.
    """

    source: str
    sampling: Sampling | None
    backend: Backend
    batch_size: int
    categories: tuple[str, ...]
    limit: int | None
    seed: int


def evaluate(
    request: Request,
    package: Package,
    out: Path | None,
    on_progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """Evaluate; keep every reply and the summary if there is a folder.

    Args:
        request: What to evaluate.
        package: The installed bfcl-eval.
        out: The folder. A stopped evaluation of the same request in it is resumed.
        on_progress: Called with the number of finished cases and of all cases.

    Returns:
        The summary: `benchmark`, `partial`, the result of `score`, `settings` and `versions`.

    Raises:
        EvaluationError: The request cannot be evaluated; the message says why.
    """
    official = load_official(package)
    paper = load_cases(package, official)
    simulators = Simulators(package, timeout=SECONDS)
    multi_turn = {*request.categories} & {*MULTI_TURN_CATEGORIES}
    benchmark: list[AnyCase] = [*paper, *(simulators.cases.values() if multi_turn else ())]
    cases = choose(benchmark, request.categories, request.limit)
    replies = _read_replies(request, cases, benchmark) if request.sampling is None else {}
    settings = _settings(request, package)
    store = Store(out, settings) if out is not None else None
    records = dict(store.records) if store else {}
    pending = [case for case in cases if case.id not in records]
    on_progress(len(cases) - len(pending), len(cases))

    def keep(record: Record) -> None:
        records[record["id"]] = record
        if store:
            store.add(record)
        on_progress(len(records), len(cases))

    if pending and store:
        store.reopen()
    single = [case for case in pending if isinstance(case, Case)]
    games = [case for case in pending if isinstance(case, MultiTurnCase)]
    if request.sampling is None:
        for case in single:
            keep(_record(case, replies[case.id], official))
        for game in games:
            keep(record_of(game, replies[game.id], simulators))
    else:
        if single:
            _sample_replies(
                request,
                request.sampling,
                single,
                lambda case, reply: keep(_record(case, reply, official)),
            )
        if games:
            play_cases(games, simulators, _sampler(request, request.sampling), keep)
    simulators.close()
    summary = {
        "benchmark": "bfcl",
        "partial": sum(isinstance(case, Case) for case in cases) < len(paper),
        **score((records[case.id] for case in cases), request.seed),
        "settings": {**settings, "interval_seed": request.seed},
        "versions": {DISTRIBUTION: package.version, **_versions()},
    }
    if store:
        store.finish(summary)
    return summary


def _read_replies(
    request: Request, cases: Sequence[AnyCase], benchmark: Sequence[AnyCase]
) -> dict[str, Any]:
    known = {case.id for case in benchmark}
    games = {case.id for case in benchmark if isinstance(case, MultiTurnCase)}
    return read_responses(Path(request.source), [case.id for case in cases], known, games)


def _sampler(request: Request, sampling: Sampling) -> Sampler:
    return Sampler(
        request.source,
        sampling,
        backend=request.backend,
        batch_size=request.batch_size,
        whole_context=True,
    )


def _sample_replies(
    request: Request,
    sampling: Sampling,
    cases: Sequence[Case],
    take: Callable[[Case, Sample], None],
) -> None:
    sample(
        request.source,
        [tool_messages(case.as_task()) for case in cases],
        sampling,
        n=1,
        backend=request.backend,
        batch_size=request.batch_size,
        on_result=lambda index, samples: take(cases[index], samples[0]),
    )


def _record(case: Case, reply: Sample | str, official: Official) -> dict[str, Any]:
    """Return the line of a case in `samples.jsonl`."""
    if isinstance(reply, str):
        text, tokens, truncated = reply, None, None
    else:
        text, tokens, truncated = reply.text, reply.tokens, reply.truncated
    return {
        "id": case.id,
        "category": case.category,
        "response": text,
        "tokens": tokens,
        "truncated": truncated,
        **asdict(judge(case, text, official)),
    }


def _settings(request: Request, package: Package) -> dict[str, Any]:
    """Return what must stay the same for a stopped evaluation to resume."""
    chosen = {
        DISTRIBUTION: package.version,
        "categories": [name for name in ALL_CATEGORIES if name in request.categories],
        "limit": request.limit,
    }
    if request.sampling is None:
        content = Path(request.source).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        return {"responses": request.source, "responses_sha256": digest, **chosen}
    sampling = {**asdict(request.sampling), "backend": request.backend}
    return {"model": request.source, "weights": fingerprint(request.source), **sampling, **chosen}


def _versions() -> dict[str, str]:
    """Return the versions of the installed packages; others are left out."""
    found = {name: installed_version(name) for name in PACKAGES}
    return {name: version for name, version in found.items() if version is not None}
