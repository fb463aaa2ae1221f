"""Gets answers: from a model, or from a file of responses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trinity_chord.evaluation.checkpoint import fingerprint, resolve_model
from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.evaluation.json_lines import read_json_lines, tell
from trinity_chord.evaluation.math.benchmarks import BENCHMARKS, Problem
from trinity_chord.evaluation.math.scoring import Answer
from trinity_chord.evaluation.math.store import SampleFile, claim
from trinity_chord.evaluation.sampling import Backend, Sampling, sample
from trinity_chord.prompts import MATH_SYSTEM_PROMPT, math_messages

Answers = dict[str, list[Answer]]
Problems = Mapping[str, Sequence[Problem]]


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
    """Sample the answers that a folder does not have yet; return all, and the settings.

    Args:
        model: What `resolve_model` takes.
        problems: Of each set.
        k: Answers to each problem of a set.
        sampling: How.
        out: The folder; `out/samples/SET.jsonl` has the answers.
        backend: Of `sampling.sample`.
        batch_size: Of `sampling.sample`.
        on_progress: Called with the problems answered and those of all sets.

    Raises:
        EvaluationError: The folder has answers of other settings, or the model cannot be sampled.
    """
    settings = _settings(model, problems, k, sampling)
    claim(out, settings)
    files = {name: SampleFile(out / "samples" / f"{name}.jsonl", k[name]) for name in problems}
    open_problems = [
        (name, problem)
        for name, of_set in problems.items()
        for problem in of_set
        if problem.id not in files[name].answers
    ]
    total = sum(map(len, problems.values()))
    done = total - len(open_problems)
    on_progress(done, total)

    def keep(place: int, samples: list) -> None:
        nonlocal done
        name, problem = open_problems[place]
        files[name].add(problem.id, samples)
        done += 1
        on_progress(done, total)

    if open_problems:
        sample(
            model,
            [math_messages(problem.question) for _, problem in open_problems],
            n=[k[name] for name, _ in open_problems],
            backend=backend,
            batch_size=batch_size,
            on_result=keep,
            **asdict(sampling),
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
    """Return the answers in a file, and settings that name it.

    Args:
        path: Of lines `{"set", "id", "response"[, "sample"]}`. Without `sample` the answers to a
            problem are counted in the order of their lines.
        problems: Of each set; lines of other sets are skipped.
        out: A folder that is to have the scores of these answers alone; None: there is none.

    Raises:
        EvaluationError: The file cannot be read or is empty, or lines do not fit; all at once.
    """
    by_id = {name: {each.id: each for each in of_set} for name, of_set in problems.items()}
    found: dict[tuple[str, str], dict[int, Answer]] = {}
    wrong: list[str] = []
    for line, row in read_json_lines(path):
        complaint = _complaint(row, by_id)
        if complaint is None and row["set"] not in by_id:
            continue
        if complaint is None:
            key = str(row["set"]), str(row["id"])
            of_problem = found.setdefault(key, {})
            place = row.get("sample", len(of_problem))
            if place not in of_problem:
                of_problem[place] = _answer(by_id[key[0]][key[1]], row | {"sample": place})
                continue
            complaint = f"sample {place} of {key[0]} {key[1]} stands in an earlier line, too"
        wrong.append(f"{line}: {complaint}")
    if wrong:
        raise EvaluationError(tell(str(path), wrong))
    if not found:
        raise EvaluationError(
            f"{path} holds no response to these sets. Wanted: lines "
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
    """Return the sets that the lines of a file of responses name, in the order of the lines."""
    return list(dict.fromkeys(str(row["set"]) for _, row in read_json_lines(path) if "set" in row))


def _complaint(row: dict[str, Any], by_id: Mapping[str, Mapping[str, Problem]]) -> str | None:
    missing = [key for key in ("set", "id", "response") if row.get(key) is None]
    if missing:
        return f"no {', '.join(missing)}"
    if not isinstance(row["set"], str) or row["set"] not in BENCHMARKS:
        return f"set is {row['set']!r}, expected one of {', '.join(BENCHMARKS)}"
    if row["set"] in by_id and str(row["id"]) not in by_id[row["set"]]:
        return f"id {row['id']!r} is no problem of {row['set']}"
    if not isinstance(row["response"], str):
        return f"response is {type(row['response']).__name__}, expected a text"
    place = row.get("sample", 0)
    if not isinstance(place, int) or isinstance(place, bool) or place < 0:
        return f"sample is {place!r}, expected a number from 0"
    return None


def _answer(problem: Problem, row: dict[str, Any]) -> Answer:
    extra = {key: row[key] for key in ("tokens", "truncated") if key in row}
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
