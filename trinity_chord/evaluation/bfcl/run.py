"""Scores a model, or given answers, on the benchmark."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from trinity_chord.evaluation.bfcl.cases import CATEGORIES, Case, choose, load_cases
from trinity_chord.evaluation.bfcl.official import Official, load_official
from trinity_chord.evaluation.bfcl.package import DISTRIBUTION, Package
from trinity_chord.evaluation.bfcl.responses import read_responses
from trinity_chord.evaluation.bfcl.scores import score
from trinity_chord.evaluation.bfcl.store import Store
from trinity_chord.evaluation.bfcl.verdicts import judge
from trinity_chord.evaluation.checkpoint import fingerprint
from trinity_chord.evaluation.sampling import Backend, Sample, Sampling, sample
from trinity_chord.prompts import tool_messages

PACKAGES = ("trinity-chord", "trinity-rft", "transformers", "torch", "vllm")


@dataclass(frozen=True)
class Request:
    """What is to be evaluated.

    Attributes:
        source: The model (a folder or a hub id), or the file of given answers.
        sampling: How the model is sampled; None where answers are given.
        backend: Of `sample`.
        batch_size: Of `sample`.
        categories: Some of the benchmark's eight.
        limit: At most this many cases of each; None for all.
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
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """Evaluates, and keeps every sample and the summary where a folder is given.

    Args:
        request: What is to be evaluated.
        package: The installed bfcl-eval.
        out: The folder; one that holds a stopped evaluation of the same request goes on.
        progress: Called with the cases done and their number.

    Returns:
        The summary: `score` of the cases, with ``partial``, ``settings`` and ``versions``.

    Raises:
        EvaluationError: Something given is wrong.
    """
    official = load_official(package)
    benchmark = load_cases(package, official)
    cases = choose(benchmark, request.categories, request.limit)
    replies = _given(request, cases, benchmark) if request.sampling is None else None
    settings = _settings(request, package)
    store = Store(out, settings) if out is not None else None
    records = dict(store.records) if store else {}
    pending = [case for case in cases if case.id not in records]
    progress(len(cases) - len(pending), len(cases))

    def take(case: Case, reply: Sample | str) -> None:
        record = _record(case, reply, official)
        records[case.id] = record
        if store:
            store.add(record)
        progress(len(records), len(cases))

    if pending and store:
        store.reopen()
    if replies is None:
        _sample(request, pending, take)
    else:
        for case in pending:
            take(case, replies[case.id])
    summary = {
        "benchmark": "bfcl",
        "partial": len(cases) < len(benchmark),
        **score((records[case.id] for case in cases), request.seed),
        "settings": {**settings, "interval_seed": request.seed},
        "versions": {DISTRIBUTION: package.version, **dict(_versions())},
    }
    if store:
        store.finish(summary)
    return summary


def _given(request: Request, cases: list[Case], benchmark: list[Case]) -> dict[str, str]:
    known = {case.id for case in benchmark}
    return read_responses(Path(request.source), [case.id for case in cases], known)


def _sample(request: Request, cases: list[Case], take: Callable[[Case, Sample], None]) -> None:
    if not cases:
        return
    sample(
        request.source,
        [tool_messages(case.as_task()) for case in cases],
        n=1,
        on_result=lambda place, samples: take(cases[place], samples[0]),
        backend=request.backend,
        batch_size=request.batch_size,
        **asdict(request.sampling),
    )


def _record(case: Case, reply: Sample | str, official: Official) -> dict[str, Any]:
    given = isinstance(reply, str)
    text = reply if given else reply.text
    return {
        "id": case.id,
        "category": case.category,
        "response": text,
        "tokens": None if given else reply.tokens,
        "truncated": None if given else reply.truncated,
        **asdict(judge(case, text, official)),
    }


def _settings(request: Request, package: Package) -> dict[str, Any]:
    """Returns what must be the same for a stopped evaluation to go on."""
    chosen = {
        DISTRIBUTION: package.version,
        "categories": [name for name in CATEGORIES if name in request.categories],
        "limit": request.limit,
    }
    if request.sampling is None:
        content = Path(request.source).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        return {"responses": request.source, "responses_sha256": digest, **chosen}
    sampling = {**asdict(request.sampling), "backend": request.backend}
    return {"model": request.source, "weights": fingerprint(request.source), **sampling, **chosen}


def _versions() -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
