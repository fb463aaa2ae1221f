r"""Scores answers: expressions by `math_verify`, choices by the letter in `\boxed{}`."""

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
        problem: What is answered.
        sample: Its place among the answers to the problem.
        response: Its text.
        extra: What else is known of it, such as its tokens.
    """

    problem: Problem
    sample: int
    response: str
    extra: dict[str, Any]


@dataclass(frozen=True)
class Scored:
    """An answer and whether it is correct."""

    answer: Answer
    verdict: Verdict
    boxed: bool


def score(
    benchmark: Benchmark,
    answers: Iterable[Answer],
    verifier: MathVerifier,
    on_scored: Callable[[], None],
) -> list[Scored]:
    """Score answers, as many at a time as the verifier has processes.

    Args:
        benchmark: Of the problems.
        answers: To its problems.
        verifier: Compares expressions.
        on_scored: Called after each.
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
    r"""Return the letter that a box names: `C`, `(c)`, `\text{C}`, `C. the third`; else None."""
    found = LETTER.fullmatch(boxed)
    return found[1].upper() if found else None
