"""The part that all math adapters share: problems with an expert's worked answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from trinity_chord.data.adapter import CONTAMINATED, LENGTH, Adapter, Values
from trinity_chord.data.candidates import Candidate, Step
from trinity_chord.data.text import has_cjk, text_key
from trinity_chord.prompts import math_messages

EMPTY = Step("empty", "rows without a problem or without a generation", optional=False)
CJK = Step("cjk", "problems with Chinese characters: many are badly translated")
VERIFIED = Step("verified", "problems without a generation verified as correct")
ANSWER = Step("answer", "rows without an answer, from the RL set", optional=False)
INTEGER = Step("integer-answer", "problems whose answer is not an integer, from the RL set")
TWO = Step("two-generations", "problems with fewer than two kept generations, from the RL set")


@dataclass(frozen=True)
class Problem:
    """A row in the form that all math sources share.

    Attributes:
        text: The problem; may be empty.
        answer: The final answer; may be empty.
        generations: The expert's answers, with their thoughts.
        verified_by: For each generation, what verified it as correct; None if nothing did.
        identity: Identifier of the row in its source, or None.
    """

    text: str
    answer: str
    generations: list[str]
    verified_by: list[str | None]
    identity: str | None


class MathAdapter(Adapter):
    """Problems become RL rows; one of their kept generations becomes an expert's answer."""

    steps: ClassVar[tuple[Step, ...]] = (EMPTY, CJK, VERIFIED, LENGTH, CONTAMINATED)
    rl_steps: ClassVar[tuple[Step, ...]] = (ANSWER, INTEGER)

    @abstractmethod
    def read(self, values: Values) -> Problem:
        """Return the problem of a row."""

    def examine(self, rows: Sequence[tuple[int, Values]]) -> list[list[Candidate]]:
        """Return one candidate per row; generations of all rows are tokenized together."""
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
        """Return the chat with one of the kept generations, and the columns of the RL row."""
        problem = self.read(values)
        answer = problem.generations[candidate.kept[pick % len(candidate.kept)]]
        messages = [*math_messages(problem.text), {"role": "assistant", "content": answer}]
        return {"messages": messages, **_task(problem, candidate)}

    def rl_row(self, values: Values, candidate: Candidate) -> Values:
        """Return problem, answer and id."""
        return _task(self.read(values), candidate)

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
        counter = self.context.counter
        if counter is None or not self.is_on(LENGTH):
            return picked
        texts = [
            problem.generations[number]
            for problem, numbers in zip(problems, picked, strict=True)
            for number in numbers
        ]
        lengths = iter(counter.count(texts))
        return [
            [number for number in numbers if next(lengths) <= self.context.max_tokens]
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
    """Return whether ``int(text)`` works, which is what the public script calls an integer."""
    try:
        int(text)
    except ValueError:
        return False
    return True


def _task(problem: Problem, candidate: Candidate) -> Values:
    identity = problem.identity or candidate.key
    return {"problem": problem.text, "answer": problem.answer, "id": identity}
