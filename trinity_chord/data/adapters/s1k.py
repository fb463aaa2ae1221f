"""s1K-1.1: a thousand hard math problems with one thought and answer of DeepSeek-R1 each."""

from __future__ import annotations

import re
from typing import ClassVar

from trinity_chord.data.adapter import ColumnTypes, Values, wrong_types
from trinity_chord.data.candidates import Step
from trinity_chord.data.math import VERIFIED, MathAdapter, Problem
from trinity_chord.data.public_source import PublicSource
from trinity_chord.rewards.boxed import last_boxed


class S1KAdapter(MathAdapter):
    r"""Rows of simplescaling/s1K-1.1.

    The expert's answer is `<think>`, the thought, `</think>`, the attempt. It is correct if
    `deepseek_grade` is "Yes". The final answer of a problem is the column `answer`; if that is
    empty, the last ``\boxed{}`` of `solution`; without one, the whole `solution` if it is one word.
    """

    required: ClassVar[tuple[str, ...]] = (
        "question",
        "solution",
        "deepseek_thinking_trajectory",
        "deepseek_attempt",
    )
    needed_by: ClassVar[dict[Step, str]] = {VERIFIED: "deepseek_grade"}
    optional: ClassVar[tuple[str, ...]] = ("answer",)

    def problem_of(self, values: Values) -> str | None:
        """Return which columns have the wrong type."""
        columns: ColumnTypes = dict.fromkeys(self.required, str)
        return wrong_types(values, {**columns, "answer": (str, int, float), "deepseek_grade": str})

    def read(self, values: Values) -> Problem:
        """Return the problem of a row with its one generation, if that is complete."""
        thought = (values.get("deepseek_thinking_trajectory") or "").strip()
        attempt = (values.get("deepseek_attempt") or "").strip()
        complete = bool(thought and attempt)
        correct = (values.get("deepseek_grade") or "").strip().lower() == "yes"
        return Problem(
            text=values.get("question") or "",
            answer=answer_of(values.get("answer"), values.get("solution") or ""),
            generations=[f"<think>\n{thought}\n</think>\n\n{attempt}"] if complete else [],
            verified_by=["by deepseek_grade" if correct else None] if complete else [],
            identity=None,
        )


def answer_of(answer: str | float | None, solution: str) -> str:
    """Return the final answer of a problem, empty if there is none."""
    if answer is not None and str(answer).strip():
        return str(answer).strip()
    boxed = last_boxed(solution)
    if boxed is not None:
        return boxed.strip()
    return solution.strip() if re.fullmatch(r"\S+", solution.strip()) else ""


SOURCE = PublicSource(
    name="s1k",
    summary="Math: s1K-1.1, a thousand hard problems with answers of DeepSeek-R1.",
    hub_id="simplescaling/s1K-1.1",
    sft=200,
    rl=100,
    adapters=(S1KAdapter,),
)
