"""OpenR1-Math-220k: problems with one to four answers of DeepSeek-R1 each."""

from __future__ import annotations

from typing import ClassVar

from trinity_chord.data.candidates import Step
from trinity_chord.data.math import TWO, VERIFIED, MathRecipe, Problem
from trinity_chord.data.recipe import Values, Wanted, shown, wrong_types

LLAMA = Step(
    "llama-verdict",
    "nothing: where math-verify has no verdict on a generation, correctness_llama decides",
)


class OpenR1Recipe(MathRecipe):
    """Rows of open-r1/OpenR1-Math-220k.

    A generation is right where `correctness_math_verify` says so. Where that has no verdict (the
    list is null or too short, or the entry is null) `correctness_llama` decides; a false verdict of
    math-verify stands.
    """

    rl_steps: ClassVar[tuple[Step, ...]] = (*MathRecipe.rl_steps, TWO)
    rules: ClassVar[tuple[Step, ...]] = (LLAMA,)
    required: ClassVar[tuple[str, ...]] = ("problem", "answer", "generations")
    needed_by: ClassVar[dict[Step, str]] = {VERIFIED: "correctness_math_verify"}
    optional: ClassVar[tuple[str, ...]] = ("correctness_llama", "uuid")

    def problem_of(self, values: Values) -> str | None:
        held = {"generations": str, "correctness_math_verify": bool, "correctness_llama": bool}
        wanted: Wanted = {"problem": str, "answer": (str, int, float)}
        return wrong_types(values, {**wanted, **dict.fromkeys(held, list)}) or next(
            (
                f"{column} holds {shown(item)}, expected "
                + ("text" if kind is str else "true or false")
                for column, kind in held.items()
                for item in values.get(column) or ()
                if not (item is None or isinstance(item, kind))
            ),
            None,
        )

    def read(self, values: Values) -> Problem:
        generations = [str(text or "") for text in values.get("generations") or ()]
        verify = _padded(values.get("correctness_math_verify"), len(generations))
        judged = _padded(values.get("correctness_llama"), len(generations))
        verified_by = [
            self._verified_by(*verdicts) for verdicts in zip(verify, judged, strict=True)
        ]
        answer = values.get("answer")
        return Problem(
            text=values.get("problem") or "",
            answer="" if answer is None else str(answer),
            generations=generations,
            verified_by=verified_by,
            identity=values.get("uuid"),
        )

    def _verified_by(self, verify: bool | None, judged: bool | None) -> str | None:
        if verify is None and judged and self.is_on(LLAMA):
            return "by correctness_llama"
        return "by correctness_math_verify" if verify else None


def _padded(verdicts: list[bool | None] | None, length: int) -> list[bool | None]:
    found = list(verdicts or ())[:length]
    return found + [None] * (length - len(found))
