"""Geometry3K: geometry problems with figures, and a larger model's answers to some of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from trinity_chord.data.adapter import (
    CONTAMINATED,
    Adapter,
    ColumnTypes,
    Values,
    wrong_types,
)
from trinity_chord.data.candidates import Candidate, Step
from trinity_chord.data.public_source import Part, PublicSource
from trinity_chord.data.settings import Settings
from trinity_chord.data.text import text_key
from trinity_chord.images import ImageReader
from trinity_chord.prompts import math_messages
from trinity_chord.rewards.boxed import last_boxed

EXPERT_HUB_ID = "datajuicer/geometry_sft"
TAG = "<image>"
NO_ANSWERS = "Give answers with --expert-source, or --sft 0 for no SFT set."

EMPTY = Step("incomplete", "rows without a problem, an answer or a response", optional=False)
IMAGE = Step("image", "rows without an image, or with one that cannot be decoded", optional=False)
PLACES = Step(
    "places", "problems with more or fewer marks <image> than images, but some", optional=False
)
BOXED = Step("boxed", "responses without a complete \\boxed{} answer")


class Geometry3KAdapter(Adapter):
    """Rows of hiyouga/geometry3k: a problem with its figures and its answer.

    A place of a figure is marked by `<image>` in the problem. Without a mark, the figures come
    first.
    """

    steps: ClassVar[tuple[Step, ...]] = (EMPTY, IMAGE, PLACES, CONTAMINATED)
    required: ClassVar[tuple[str, ...]] = ("problem", "answer", "images")
    text_column: ClassVar[str] = "answer"

    def problem_of(self, values: Values) -> str | None:
        """Return which columns have the wrong type."""
        columns: ColumnTypes = {"problem": str, "images": list, self.text_column: str}
        return wrong_types(values, columns)

    def examine(self, rows: Sequence[tuple[int, Values]]) -> list[list[Candidate]]:
        """Return one candidate per row. Problems are equal if their figures are, too."""
        return [[self._candidate(number, values)] for number, values in rows]

    def sft_row(self, values: Values, candidate: Candidate, pick: int) -> Values:
        """Return the chat with the answer, and the figures."""
        raise NotImplementedError("its rows have answers without a response")

    def rl_row(self, values: Values, candidate: Candidate) -> Values:
        """Return problem, answer, figures and id."""
        return {"answer": values["answer"].strip(), **_task(values, candidate)}

    def _candidate(self, number: int, values: Values) -> Candidate:
        problem, text = values.get("problem") or "", values.get(self.text_column) or ""
        digests = _digests(values.get("images") or [])
        match = None
        if not (problem.replace(TAG, "").strip() and text.strip()):
            dropped: str | None = EMPTY.name
        elif not digests:
            dropped = IMAGE.name
        elif problem.count(TAG) not in (0, len(digests)):
            dropped = PLACES.name
        else:
            dropped = self._dropped_by_text(text)
        if dropped is None:
            match = self.overlap(problem)
            dropped = CONTAMINATED.name if match else None
        key = text_key(" ".join([problem.replace(TAG, ""), *(digests or [])]))
        return Candidate(row=number, key=key, dropped=dropped, match=match)

    def _dropped_by_text(self, text: str) -> str | None:
        return None


class GeometryExpertAdapter(Geometry3KAdapter):
    """Rows of datajuicer/geometry_sft: a problem with its figures and a response.

    The data set has no correct answers, so that a response can be wrong.
    """

    steps: ClassVar[tuple[Step, ...]] = (EMPTY, IMAGE, PLACES, BOXED, CONTAMINATED)
    required: ClassVar[tuple[str, ...]] = ("problem", "response", "images")
    text_column: ClassVar[str] = "response"

    def sft_row(self, values: Values, candidate: Candidate, pick: int) -> Values:
        """Return the chat with the response, and the figures."""
        task = _task(values, candidate)
        reply = {"role": "assistant", "content": values["response"].strip()}
        return {"messages": [*math_messages(task["problem"]), reply], **task}

    def rl_row(self, values: Values, candidate: Candidate) -> Values:
        """Return nothing to learn from: there is no answer."""
        raise NotImplementedError("there is no answer to compare with")

    def _dropped_by_text(self, text: str) -> str | None:
        return BOXED.name if self.is_on(BOXED) and last_boxed(text) is None else None


def _digests(images: list[Any]) -> list[str] | None:
    """Return the fingerprints of figures, None if one of them cannot be decoded."""
    reader = ImageReader(None)
    try:
        return [reader.read(image).digest for image in images]
    except ValueError:
        return None


def _task(values: Values, candidate: Candidate) -> Values:
    reader, images, problem = ImageReader(None), values["images"], values["problem"].strip()
    return {
        "problem": problem if TAG in problem else TAG * len(images) + problem,
        "images": [reader.address(image) for image in images],
        "id": candidate.key,
    }


def _split_up(settings: Settings) -> list[Part]:
    """Return one part per set: the answers come from a source of their own."""
    experts = Part(
        settings.expert or settings.source,
        ("sft",),
        lambda columns: GeometryExpertAdapter,
        NO_ANSWERS,
    )
    tasks = Part(settings.source, ("rl",), lambda columns: Geometry3KAdapter)
    return [part for part in (experts, tasks) if part.sets[0] in settings.sets]


SOURCE = PublicSource(
    name="geometry3k",
    summary="Geometry with figures: Geometry3K, and answers of Qwen2.5-VL-32B.",
    hub_id="hiyouga/geometry3k",
    sft=500,
    rl=5000,
    adapters=(Geometry3KAdapter, GeometryExpertAdapter),
    split_up=_split_up,
)
