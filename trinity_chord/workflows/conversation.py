"""A conversation that only grows, and the row that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from trinity_chord.turns import Message, Part, Render, closing_text, encode_parts, text_after

if TYPE_CHECKING:
    from trinity.common.experience import Experience


class Conversation:
    """The text of a conversation with the replies as they were sampled.

    Args:
        tokenizer: The policy's tokenizer.
        render: Its chat template.

    Attributes:
        parts: The text so far; the last part is given as long as a reply is expected.
        replies: The rows that the engine returned.
    """

    def __init__(self, tokenizer: Any, render: Render) -> None:
        self._tokenizer = tokenizer
        self._render = render
        self.parts: list[Part] = []
        self.replies: list[Experience] = []

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(part.text for part in self.parts)

    def tokens(self) -> int:
        """Return the number of tokens of the text as the engine reads it."""
        return len(self._tokenizer(self.text).input_ids)

    def begin(self, messages: Sequence[Message]) -> None:
        """Take the first messages."""
        self.parts = [Part(self._render(messages, True), written=False)]

    def add_reply(self, sampled: Experience) -> str:
        """Take a reply to the text, and return it without special tokens."""
        tokens = sampled.tokens[sampled.prompt_length :].tolist()
        self.parts.append(Part(self._tokenizer.decode(tokens), written=True))
        self.replies.append(sampled)
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return text

    def add_messages(self, before: Sequence[Message], new: Sequence[Message]) -> None:
        """Take the messages after a reply, up to the start of the next one.

        Args:
            before: The messages before the reply.
            new: The messages after it.
        """
        closing = closing_text(before, self._render) or ""
        given = _missing(self.parts[-1].text, closing) + text_after(before, new, self._render)
        self.parts.append(Part(given, written=False))

    def as_row(self) -> tuple[Experience, float]:
        """Return the conversation as a row, and the share of sampled tokens that it leaves out.

        The last reply has the engine's own tokens. An earlier one was read again as text, and is
        learned if that gave the sampled tokens.
        """
        from trinity.common.experience import Experience

        last = self.replies[-1]
        first = self.replies[0].prompt_length
        tokens = last.tokens.tolist()
        learned = np.zeros(len(tokens), dtype=bool)
        logprobs = np.zeros(len(tokens), dtype=np.float32)
        learned[last.prompt_length :] = True
        logprobs[last.prompt_length :] = last.logprobs
        prompt = self.parts[: 2 * len(self.replies) - 1]  # of the last reply
        read, of_token = encode_parts(self._tokenizer, prompt)
        for number, reply in enumerate(self.replies[:-1]):
            place = np.flatnonzero(of_token == 2 * number + 1)
            sampled = reply.tokens[reply.prompt_length :].tolist()
            if read[place].tolist() == sampled and [tokens[i] for i in place] == sampled:
                learned[place] = True
                logprobs[place] = reply.logprobs
        total = sum(len(reply.tokens) - reply.prompt_length for reply in self.replies)
        row = Experience(
            tokens=last.tokens,
            prompt_length=first,
            logprobs=torch.from_numpy(logprobs[first:]),
            action_mask=torch.from_numpy(learned[first:]),
            prompt_text=self.parts[0].text,
            response_text="".join(part.text for part in self.parts[1:]),
        )
        return row, 1 - int(learned.sum()) / total


def _missing(written: str, closing: str) -> str:
    """Return what is missing of the closing of a turn: all of it if the reply was cut off."""
    for length in range(len(closing), 0, -1):
        if written.endswith(closing[:length]):
            return closing[length:]
    return closing
