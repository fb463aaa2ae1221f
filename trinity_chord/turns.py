"""Splits a chat of several turns into what the assistant wrote and what it was given.

Chat templates are written for the next answer: some leave the thoughts out of earlier turns (Qwen3
does), so that an earlier turn in a rendered conversation is not what the model once wrote. Here
each turn is rendered as it was when it was the last one, and the text between two turns as what the
template adds after an answer. The parts joined are what an append-only rollout sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trinity_chord.errors import ChordError

Message = Mapping[str, Any]
Render = Callable[[Sequence[Message], bool], str]
"""A chat template: messages, and whether the start of an answer follows, to text."""

END_THINK = "</think>"
THOUGHT_KEYS = ("reasoning_content", "reasoning")
STAND_IN = "\ue000"  # A character for private use: no conversation contains it.
_STAND_IN_TURN = {"role": "assistant", "content": STAND_IN}


class TurnsError(ChordError, ValueError):
    """A conversation whose turns cannot be separated."""


@dataclass(frozen=True)
class Part:
    """A stretch of a rendered conversation.

    Attributes:
        text: The text, with the special tokens of the template.
        written: Whether the assistant wrote it.
    """

    text: str
    written: bool


def split_turns(messages: Sequence[Message], render: Render) -> list[Part]:
    """Return a conversation as parts that alternate: given, written, and so on.

    A written part is a turn of the assistant with what closes it. Messages after the last one are
    left out.

    Args:
        messages: The conversation, with a turn of the assistant that is not the first message.
        render: The chat template.

    Raises:
        TurnsError: There is no such turn, or the template does not render a turn after its prompt.
    """
    answers = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
    if not answers or answers[0] == 0:
        raise TurnsError("got no assistant turn after a prompt, expected at least one")
    parts = [Part(render(messages[: answers[0]], True), written=False)]
    for place, following in zip(answers, [*answers[1:], None], strict=True):
        parts.append(Part(_turn(messages, place, render), written=True))
        if following is not None:
            given = text_after(messages[:place], messages[place + 1 : following], render)
            parts.append(Part(given, written=False))
    return parts


def text_after(before: Sequence[Message], new: Sequence[Message], render: Render) -> str:
    """Return what a template adds between a closed turn and the next one.

    Args:
        before: The messages before the closed turn.
        new: The messages after it.
        render: The chat template.

    Raises:
        TurnsError: The template closes a turn differently if messages follow.
    """
    closing = closing_text(before, render)
    followed = _after_stand_in([*before, _STAND_IN_TURN, *new], render, prompt=True)
    if closing is None or followed is None or not followed.startswith(closing):
        raise TurnsError(
            f"message {len(before) + 1}: the chat template renders an assistant turn differently "
            "if messages follow; expected the same text, only without its thoughts"
        )
    return followed[len(closing) :]


def closing_text(before: Sequence[Message], render: Render) -> str | None:
    """Return what a template writes after a turn of the assistant that is the last message.

    Args:
        before: The messages before the turn.
        render: The chat template.

    Returns:
        The text, None if the template does not render the content of such a turn.
    """
    return _after_stand_in([*before, _STAND_IN_TURN], render, prompt=False)


def encode_parts(
    tokenizer: Any, parts: Sequence[Part], **settings: Any
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Encode the joined text of parts.

    Args:
        tokenizer: A fast tokenizer of `transformers`.
        parts: The parts.
        **settings: Further arguments of the tokenizer.

    Returns:
        The tokens, and the index of the part in which the first character of each lies.
    """
    text = "".join(part.text for part in parts)
    encoded = tokenizer(text, return_offsets_mapping=True, **settings)
    starts = np.array([start for start, _ in encoded["offset_mapping"]], dtype=np.int64)
    ends = np.cumsum([len(part.text) for part in parts])
    of_token = np.searchsorted(ends, starts, side="right")
    return np.array(encoded["input_ids"], dtype=np.int32), of_token


def without_thoughts(message: Message) -> dict[str, Any]:
    """Return a message without its thoughts; other roles than the assistant's are unchanged.

    A thought is a field named in `THOUGHT_KEYS`, or the content up to the first `</think>`.
    """
    if message["role"] != "assistant":
        return dict(message)
    kept = {key: value for key, value in message.items() if key not in THOUGHT_KEYS}
    content = kept.get("content")
    if isinstance(content, str):
        kept["content"] = _after_thought(content)
    elif isinstance(content, list):
        kept["content"] = [
            {**part, "text": _after_thought(part.get("text") or "")} for part in content
        ]
    return kept


def _after_stand_in(messages: Sequence[Message], render: Render, *, prompt: bool) -> str | None:
    _, found, after = render(messages, prompt).rpartition(STAND_IN)
    return after if found else None


def _turn(messages: Sequence[Message], place: int, render: Render) -> str:
    prompt = render(messages[:place], True)
    whole = render(messages[: place + 1], False)
    if not whole.startswith(prompt) or whole == prompt:
        raise TurnsError(
            f"message {place + 1}: the chat template does not render this assistant turn after "
            f"its prompt, which ends in {prompt[-40:]!r}; with `enable_thinking: false` the turns "
            "must have no thoughts (`expert_thoughts: drop`)"
        )
    return whole[len(prompt) :]


def _after_thought(text: str) -> str:
    _, ended, rest = text.partition(END_THINK)
    return rest.lstrip("\n") if ended else text
