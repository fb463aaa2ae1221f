"""Math problems with an expert's worked answers: what OpenR1-Math and s1K have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from trinity_chord.data.candidates import Candidate, Step
from trinity_chord.data.recipe import CONTAMINATED, Recipe, Values
from trinity_chord.data.text import has_cjk, text_key
from trinity_chord.prompts import math_messages

EMPTY = Step("empty", "rows without a problem or without a generation", switchable=False)
CJK = Step("cjk", "problems with Chinese characters: many are wrongly translated")
VERIFIED = Step("verified", "problems without a generation that was found to be right")
LENGTH = Step("length", "problems whose generations are all above --max-tokens")
ANSWER = Step("answer", "rows without an answer", switchable=False)
INTEGER = Step("integer-answer", "problems whose answer is not an integer")
TWO = Step("two-generations", "problems with fewer than two kept generations")


@dataclass(frozen=True)
class Problem:
    """A problem as every math source tells it.

    Attributes:
        text: The problem; empty where there is none.
        answer: The final answer; empty where there is none.
        generations: The expert's answers, with their thoughts.
        verified_by: For each of them who found it to be right, None where nobody did.
        identity: The name of the row in its source.
    """

    text: str
    answer: str
    generations: list[str]
    verified_by: list[str | None]
    identity: str | None


class MathRecipe(Recipe):
    """Problems become RL rows, one of their kept generations becomes an expert's answer."""

    steps: ClassVar[tuple[Step, ...]] = (EMPTY, CJK, VERIFIED, LENGTH, CONTAMINATED)
    rl_steps: ClassVar[tuple[Step, ...]] = (ANSWER, INTEGER)

    @abstractmethod
    def read(self, values: Values) -> Problem:
        """Returns the problem of a row."""

    def examine(self, rows: Sequence[tuple[int, Values]]) -> list[list[Candidate]]:
        problems = [self.read(values) for _, values in rows]
        early = [self._dropped_early(problem) for problem in problems]
        verified = [
            [] if dropped else self._verified(problem)
            for problem, dropped in zip(problems, early, strict=True)
        ]
        kept = self._short_enough(problems, verified)
        numbers = [number for number, _ in rows]
        found = zip(numbers, problems, early, verified, kept, strict=True)
        return [[self._candidate(*facts)] for facts in found]

    def sft_row(self, values: Values, candidate: Candidate, pick: int) -> Values:
        problem = self.read(values)
        answer = problem.generations[candidate.kept[pick % len(candidate.kept)]]
        messages = [*math_messages(problem.text), {"role": "assistant", "content": answer}]
        return {"messages": messages, **self._told(problem, candidate)}

    def rl_row(self, values: Values, candidate: Candidate) -> Values:
        return self._told(self.read(values), candidate)

    def _told(self, problem: Problem, candidate: Candidate) -> Values:
        identity = problem.identity or candidate.key
        return {"problem": problem.text, "answer": problem.answer, "id": identity}

    def _dropped_early(self, problem: Problem) -> str | None:
        if not (problem.text.strip() and any(problem.generations)):
            return EMPTY.name
        return CJK.name if self.is_on(CJK) and has_cjk(problem.text) else None

    def _verified(self, problem: Problem) -> list[int]:
        return [
            number
            for number, (text, by) in enumerate(
                zip(problem.generations, problem.verified_by, strict=True)
            )
            if text and (by or not self.is_on(VERIFIED))
        ]

    def _short_enough(self, problems: list[Problem], picked: list[list[int]]) -> list[list[int]]:
        counter = self.means.counter
        if counter is None or not self.is_on(LENGTH):
            return picked
        texts = [
            problem.generations[number]
            for problem, numbers in zip(problems, picked, strict=True)
            for number in numbers
        ]
        lengths = iter(counter.count(texts))
        return [
            [number for number in numbers if next(lengths) <= self.means.max_tokens]
            for numbers in picked
        ]

    def _candidate(
        self, row: int, problem: Problem, early: str | None, verified: list[int], kept: list[int]
    ) -> Candidate:
        dropped, match = early, None
        if not dropped and not kept:
            dropped = LENGTH.name if verified else VERIFIED.name
        if not dropped:
            match = self.overlap(problem.text)
            dropped = CONTAMINATED.name if match else None
        by = [problem.verified_by[number] for number in kept]
        return Candidate(
            row=row,
            key=text_key(problem.text),
            dropped=dropped,
            dropped_from_rl=None if dropped else self._dropped_from_rl(problem, kept),
            kept=tuple(kept),
            match=match,
            counts={f"generations kept, {who}": by.count(who) for who in {*by} if who},
        )

    def _dropped_from_rl(self, problem: Problem, kept: list[int]) -> str | None:
        if not problem.answer.strip():
            return ANSWER.name
        if self.is_on(INTEGER) and not is_integer(problem.answer):
            return INTEGER.name
        few = TWO in self.rl_steps and len(kept) < 2
        return TWO.name if few and self.is_on(TWO) else None


def is_integer(text: str) -> bool:
    """Returns whether an answer is an integer as the public script reads one: ``int(text)``."""
    try:
        int(text)
    except ValueError:
        return False
    return True
