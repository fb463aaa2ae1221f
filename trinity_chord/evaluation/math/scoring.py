r"""Scores answers: expressions with `math_verify`, choices by the letter in `\boxed{}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from trinity_chord.evaluation.math.benchmarks import Benchmark, Problem
from trinity_chord.rewards.boxed import last_boxed
from trinity_chord.rewards.verifier import MathVerifier, Verdict

LETTER = re.compile(
    r"\s*(?:\\(?:text|textbf|mathrm|mathbf)\s*\{)?\s*\(?\s*([A-Za-z])\s*(?:[).:}].*)?", re.DOTALL
)


@dataclass(frozen=True)
class Answer:
    """An answer to a problem.

    Attributes:
        problem: The problem.
        sample: Index of the answer among the answers to the problem, from 0.
        response: The text of the answer.
        extra: `tokens` (int) and `truncated` (bool) if known.
    """

    problem: Problem
    sample: int
    response: str
    extra: dict[str, Any]


@dataclass(frozen=True)
class Scored:
    r"""A scored answer.

    Attributes:
        answer: The answer.
        verdict: Whether it is correct.
        boxed: Whether it has a complete `\boxed{}`.
    """

    answer: Answer
    verdict: Verdict
    boxed: bool


def score(
    benchmark: Benchmark,
    answers: Iterable[Answer],
    verifier: MathVerifier,
    on_scored: Callable[[], None],
) -> list[Scored]:
    """Score answers in parallel, one thread per process of the verifier.

    Args:
        benchmark: The benchmark of the problems.
        answers: Answers to its problems.
        verifier: Compares expressions.
        on_scored: Called after each answer, from the thread that scored it.

    Returns:
        The scored answers in the order of `answers`.
    """

    def judge(answer: Answer) -> Scored:
        gold, response = answer.problem.answer, answer.response
        boxed = last_boxed(response)
        if benchmark.choices:
            verdict = Verdict(boxed is not None and letter_of(boxed) == gold)
        else:
            verdict = verifier.verify(response, gold)
        on_scored()
        return Scored(answer, verdict, boxed is not None)

    with ThreadPoolExecutor(verifier.workers) as pool:
        return list(pool.map(judge, answers))


def letter_of(boxed: str) -> str | None:
    r"""Return the letter that a box names (`C`, `(c)`, `\text{C}`, `C. the third`), or None."""
    found = LETTER.fullmatch(boxed)
    return found[1].upper() if found else None
