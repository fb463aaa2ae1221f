"""Obtains answers: from a model, or from a file of responses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trinity_chord.evaluation.checkpoint import fingerprint, resolve_model
from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.evaluation.json_files import scan_json_lines
from trinity_chord.evaluation.math.benchmarks import BENCHMARKS, Problem
from trinity_chord.evaluation.math.scoring import Answer
from trinity_chord.evaluation.math.store import SampleFile, claim
from trinity_chord.evaluation.sampling import Backend, Sample, Sampling, sample
from trinity_chord.prompts import MATH_SYSTEM_PROMPT, math_messages

Answers = dict[str, list[Answer]]
"""By set."""
Problems = Mapping[str, Sequence[Problem]]
"""By set."""
Found = dict[tuple[str, str], dict[int, Answer]]
"""By set and id, then by index among the answers to the problem."""


def sample_answers(
    model: str,
    problems: Problems,
    k: Mapping[str, int],
    sampling: Sampling,
    out: Path,
    *,
    backend: Backend,
    batch_size: int,
    on_progress: Callable[[int, int], None],
) -> tuple[Answers, dict[str, Any]]:
    """Sample the answers that a folder does not have yet.

    Args:
        model: See `resolve_model`.
        problems: The problems of each set.
        k: Answers per problem, by set.
        sampling: How to sample.
        out: The folder; `out/samples/SET.jsonl` holds the answers.
        backend: See `sampling.sample`.
        batch_size: See `sampling.sample`.
        on_progress: Called with the number of answered problems and of all problems.

    Returns:
        All answers, old and new, and the settings that they depend on.

    Raises:
        EvaluationError: The folder holds answers sampled with other settings, or the model cannot
            be sampled.
    """
    settings = _settings(model, problems, k, sampling)
    claim(out, settings)
    files = {name: SampleFile(out / "samples" / f"{name}.jsonl", k[name]) for name in problems}
    pending = [
        (name, problem)
        for name, of_set in problems.items()
        for problem in of_set
        if problem.id not in files[name].answers
    ]
    total = sum(map(len, problems.values()))
    done = total - len(pending)
    on_progress(done, total)

    def keep(index: int, samples: list[Sample]) -> None:
        nonlocal done
        name, problem = pending[index]
        files[name].add(problem.id, samples)
        done += 1
        on_progress(done, total)

    if pending:
        sample(
            model,
            [math_messages(problem.question) for _, problem in pending],
            sampling,
            n=[k[name] for name, _ in pending],
            backend=backend,
            batch_size=batch_size,
            on_result=keep,
        )
    answers = {
        name: [
            _answer(problem, row) for problem in of_set for row in files[name].answers[problem.id]
        ]
        for name, of_set in problems.items()
    }
    return answers, settings


def read_responses(
    path: Path, problems: Problems, out: Path | None
) -> tuple[Answers, dict[str, Any]]:
    """Read answers from a file.

    Args:
        path: JSON lines `{"set", "id", "response"[, "sample"]}`. Without `sample`, the answers to
            a problem are numbered in the order of their lines.
        problems: The problems of each set; lines of other sets are skipped.
        out: The folder for the scores, which must not hold those of other answers; None if the
            scores are not kept.

    Returns:
        The answers, and settings that identify the file.

    Raises:
        EvaluationError: The file cannot be read, has no response to these sets, or has wrong
            lines, which are all listed.
    """
    by_id = {name: {each.id: each for each in of_set} for name, of_set in problems.items()}
    found: Found = {}
    wrong: list[str] = []
    for line, row in scan_json_lines(path):
        if isinstance(row, str):
            wrong.append(f"{line}: {row}")
        elif complaint := _complaint(row, by_id, found):
            wrong.append(f"{line}: {complaint}")
        elif row["set"] in by_id:
            problem = by_id[row["set"]][str(row["id"])]
            of_problem = found.setdefault((row["set"], problem.id), {})
            index = row.get("sample", len(of_problem))
            of_problem[index] = _answer(problem, row | {"sample": index})
    if wrong:
        raise EvaluationError.from_problems(str(path), wrong)
    if not found:
        raise EvaluationError(
            f"{path} holds no response to these sets; expected lines "
            '{"set": ..., "id": ..., "response": ...}'
        )
    answers: Answers = {name: [] for name in problems}
    for (name, _), of_problem in found.items():
        answers[name] += of_problem.values()
    settings = {"responses": hashlib.sha256(path.read_bytes()).hexdigest(), "sets": {}}
    if out is not None:
        claim(out, settings)
    return {name: of_set for name, of_set in answers.items() if of_set}, settings


def sets_in(path: Path) -> list[str]:
    """Return the set names in a file of responses, in the order of their first lines.

    Wrong lines are left to `read_responses`, which reports all of them.

    Raises:
        EvaluationError: The file cannot be read.
    """
    rows = [row for _, row in scan_json_lines(path) if not isinstance(row, str)]
    return list(dict.fromkeys(str(row["set"]) for row in rows if "set" in row))


def _complaint(
    row: dict[str, Any], by_id: Mapping[str, Mapping[str, Problem]], found: Found
) -> str | None:
    """Return what is wrong with a row of a file of responses, or None.

    Args:
        row: The row.
        by_id: The problems of each set by id; rows of other sets are not checked further.
        found: The answers of earlier rows.
    """
    missing = [key for key in ("set", "id", "response") if row.get(key) is None]
    if missing:
        return f"no {', '.join(missing)}"
    name, problem = row["set"], str(row["id"])
    if not isinstance(name, str) or name not in BENCHMARKS:
        return f"set: got {name!r}, expected one of {', '.join(BENCHMARKS)}"
    if name in by_id and problem not in by_id[name]:
        return f"id: got {row['id']!r}, which is not a problem of {name}"
    if not isinstance(row["response"], str):
        return f"response: got {type(row['response']).__name__}, expected text"
    earlier = found.get((name, problem), {})
    index = row.get("sample", len(earlier))
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        return f"sample: got {index!r}, expected an integer from 0"
    if index in earlier:
        return f"sample {index} of {name} {problem} is already on an earlier line"
    return None


def _answer(problem: Problem, row: dict[str, Any]) -> Answer:
    extra: dict[str, Any] = {key: row[key] for key in ("tokens", "truncated") if key in row}
    return Answer(problem, row["sample"], row["response"], extra)


def _settings(
    model: str, problems: Problems, k: Mapping[str, int], sampling: Sampling
) -> dict[str, Any]:
    return {
        "model": resolve_model(model),
        "fingerprint": fingerprint(model),
        "system_prompt": MATH_SYSTEM_PROMPT,
        **asdict(sampling),
        "sets": {
            name: {"k": k[name], "problems": _digest(of_set)} for name, of_set in problems.items()
        },
    }


def _digest(problems: Sequence[Problem]) -> str:
    text = json.dumps([asdict(problem) for problem in problems], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
