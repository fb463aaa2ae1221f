"""s1K-1.1: a thousand hard problems with one thought and answer of DeepSeek-R1 each."""

from __future__ import annotations

import re
from typing import ClassVar

from trinity_chord.data.candidates import Step
from trinity_chord.data.math import VERIFIED, MathRecipe, Problem
from trinity_chord.data.recipe import Values, Wanted, wrong_types

BOXED = "\\boxed{"


class S1KRecipe(MathRecipe):
    """Rows of simplescaling/s1K-1.1.

    The expert's answer is `<think>`, the thought, `</think>`, the attempt. It is right where
    `deepseek_grade` is "Yes". The answer of a problem is the column `answer`, else the last
    ``\\boxed{}`` of `solution`, else the whole `solution` where it is one word, else none.
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
        wanted: Wanted = dict.fromkeys(self.required, str)
        return wrong_types(values, {**wanted, "answer": (str, int, float), "deepseek_grade": str})

    def read(self, values: Values) -> Problem:
        thought = (values.get("deepseek_thinking_trajectory") or "").strip()
        attempt = (values.get("deepseek_attempt") or "").strip()
        whole = bool(thought and attempt)
        right = (values.get("deepseek_grade") or "").strip().lower() == "yes"
        return Problem(
            text=values.get("question") or "",
            answer=answer_of(values.get("answer"), values.get("solution") or ""),
            generations=[f"<think>\n{thought}\n</think>\n\n{attempt}"] if whole else [],
            verified_by=["by deepseek_grade" if right else None] if whole else [],
            identity=None,
        )


def answer_of(answer: str | float | None, solution: str) -> str:
    """Returns the final answer of a problem, empty where there is none to be had."""
    if answer is not None and str(answer).strip():
        return str(answer).strip()
    boxed = last_boxed(solution)
    if boxed is not None:
        return boxed
    return solution.strip() if re.fullmatch(r"\S+", solution.strip()) else ""


def last_boxed(text: str) -> str | None:
    """Returns what stands in the last ``\\boxed{...}`` of a text, braces matched, else None."""
    start = text.rfind(BOXED)
    if start < 0:
        return None
    depth = 1
    for end in range(start + len(BOXED), len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            return text[start + len(BOXED) : end].strip()
    return None
