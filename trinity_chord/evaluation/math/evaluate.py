"""Scores answers and writes the scores."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.progress import Progress

from trinity_chord.evaluation.json_files import write_json, write_json_lines
from trinity_chord.evaluation.math.benchmarks import BENCHMARKS, Problem
from trinity_chord.evaluation.math.report import figures
from trinity_chord.evaluation.math.scoring import Answer, Scored, score
from trinity_chord.rewards.verifier import MathVerifier
from trinity_chord.versions import installed_version

PACKAGES = ("trinity-chord", "math-verify", "sympy", "transformers", "torch", "vllm", "datasets")
PROCESSES = 4
"""Maximum number of processes that compare answers."""
SECONDS = 10.0
"""Time limit of one comparison: more than a rollout's reward has, since nothing waits for it."""


def evaluate(
    name: str,
    problems: Mapping[str, Sequence[Problem]],
    answers: Mapping[str, Sequence[Answer]],
    seed: int,
    bar: Progress,
    settings: Mapping[str, Any],
    out: Path | None,
) -> dict[str, Any]:
    """Score answers; write scores and summary if there is a folder.

    Args:
        name: Name of the model or file that is scored.
        problems: The problems of each set.
        answers: The answers of each set.
        seed: Seed of the bootstrap.
        bar: Shows the progress.
        settings: How the answers were obtained, for the summary.
        out: Folder for `scores/SET.jsonl` and `summary.json`; None writes nothing.

    Returns:
        The summary: `name`, `settings`, `versions`, and `sets` with the figures of each set.
    """
    task = bar.add_task("scoring answers", total=sum(map(len, answers.values())))
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
        "versions": {package: installed_version(package) for package in PACKAGES},
        "sets": results,
    }
    if out is not None:
        write_json(out / "summary.json", summary)
    return summary


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
