"""Scores answers and keeps the scores."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trinity_chord.evaluation.json_lines import write_json_lines, write_whole
from trinity_chord.evaluation.math.benchmarks import BENCHMARKS, Problem
from trinity_chord.evaluation.math.report import figures
from trinity_chord.evaluation.math.scoring import Answer, Scored, score
from trinity_chord.rewards.verifier import MathVerifier

PACKAGES = ("trinity-chord", "math-verify", "sympy", "transformers", "torch", "vllm", "datasets")
PROCESSES = 4
"""That compare answers, at most."""
SECONDS = 10.0
"""For one comparison: an evaluation is not in a hurry as a rollout is."""


def evaluate(
    name: str,
    problems: Mapping[str, Sequence[Problem]],
    answers: Mapping[str, Sequence[Answer]],
    seed: int,
    bar: Progress,
    settings: Mapping[str, Any],
    out: Path | None,
) -> dict[str, Any]:
    """Score answers, and keep scores and summary.

    Args:
        name: Of what is scored.
        problems: Of each set.
        answers: To them.
        seed: Of the bootstrap.
        bar: Shows how far it is.
        settings: Under which the answers came about, for the summary.
        out: Gets `scores/SET.jsonl` and `summary.json`; None keeps nothing.

    Returns:
        The summary: `name`, `settings`, `versions`, and `sets` with the figures of each.
    """
    task = bar.add_task("scoring, answers", total=sum(map(len, answers.values())))
    results = {}
    with MathVerifier(min(PROCESSES, os.cpu_count() or 1), timeout=SECONDS) as verifier:
        for key, of_set in answers.items():
            scored = score(BENCHMARKS[key], of_set, verifier, lambda: bar.advance(task))
            results[key] = figures(scored, len(problems[key]), seed)
            if out is not None:
                write_json_lines(out / "scores" / f"{key}.jsonl", map(_score_line, scored))
    summary = {
        "name": name,
        "settings": dict(settings),
        "versions": _versions(),
        "sets": results,
    }
    if out is not None:
        write_whole(out / "summary.json", json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    return summary


def progress() -> Progress:
    """Return a progress bar on the standard error."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _score_line(scored: Scored) -> dict[str, Any]:
    line = {
        "id": scored.answer.problem.id,
        "sample": scored.answer.sample,
        "gold": scored.answer.problem.answer,
        "boxed": scored.boxed,
        "correct": scored.verdict.correct,
    }
    reason = scored.verdict.reason
    return line if reason is None else line | {"not_verified": reason}


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found
