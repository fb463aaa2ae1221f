"""OpenR1-Math-220k: math problems with one to four answers of DeepSeek-R1 each."""

from __future__ import annotations

from typing import ClassVar

from trinity_chord.data.adapter import ColumnTypes, Values, shown, wrong_types
from trinity_chord.data.candidates import Step
from trinity_chord.data.math import TWO, VERIFIED, MathAdapter, Problem
from trinity_chord.data.public_source import PublicSource

LLAMA = Step(
    "llama-verdict",
    "nothing: it lets `correctness_llama` decide if math-verify has no verdict on a generation",
)


class OpenR1Adapter(MathAdapter):
    """Rows of open-r1/OpenR1-Math-220k.

    A generation is correct if `correctness_math_verify` says so. If math-verify has no verdict (the
    list is null or too short, or the entry is null), `correctness_llama` decides; it never
    overrules a verdict of math-verify.
    """

    rl_steps: ClassVar[tuple[Step, ...]] = (*MathAdapter.rl_steps, TWO)
    rules: ClassVar[tuple[Step, ...]] = (LLAMA,)
    required: ClassVar[tuple[str, ...]] = ("problem", "answer", "generations")
    needed_by: ClassVar[dict[Step, str]] = {VERIFIED: "correctness_math_verify"}
    optional: ClassVar[tuple[str, ...]] = ("correctness_llama", "uuid")

    def problem_of(self, values: Values) -> str | None:
        """Return which column, or which entry of a list, has the wrong type."""
        entries = {"generations": str, "correctness_math_verify": bool, "correctness_llama": bool}
        columns: ColumnTypes = {"problem": str, "answer": (str, int, float)}
        return wrong_types(values, {**columns, **dict.fromkeys(entries, list)}) or next(
            (
                f"{column}: got {shown(item)} in the list, expected "
                + ("text" if kind is str else "true or false")
                for column, kind in entries.items()
                for item in values.get(column) or ()
                if not (item is None or isinstance(item, kind))
            ),
            None,
        )

    def read(self, values: Values) -> Problem:
        """Return the problem of a row, its generations with their verdicts."""
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


SOURCE = PublicSource(
    name="openr1-math",
    summary="Math: OpenR1-Math-220k, problems with answers of DeepSeek-R1.",
    hub_id="open-r1/OpenR1-Math-220k",
    sft=5000,
    rl=20000,
    adapters=(OpenR1Adapter,),
)
