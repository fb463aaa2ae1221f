"""Encodes all turns of a conversation: the assistant's are learned, the rest is not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from trinity.common.config import FormatConfig

from trinity_chord.expert_data.encoded import EncodedRow
from trinity_chord.turns import Message, encode_parts, split_turns

MARKED = re.compile(r"\{%-?\s*generation\s*-?%\}")


def marks_turns(form: FormatConfig) -> bool:
    """Return whether a set's own chat template marks the assistant's turns."""
    return bool(form.chat_template and MARKED.search(form.chat_template))


class TurnEncoder:
    """Encodes conversations with a chat template that does not mark the assistant's turns.

    Args:
        tokenizer: The tokenizer.
        form: The format of the rows, with the chat template if it is not the tokenizer's.
    """

    def __init__(self, tokenizer: Any, form: FormatConfig) -> None:
        self._tokenizer = tokenizer
        self._form = form

    def __call__(
        self, messages: Sequence[Message], tools: Sequence[dict[str, Any]] | None
    ) -> EncodedRow:
        """Encode a conversation.

        Args:
            messages: The messages; the last one is the assistant's.
            tools: The tools that the template lists, if any.

        Raises:
            TurnsError: The turns cannot be separated in the template's text.
        """

        def render(some: Sequence[Message], prompt: bool) -> str:
            text: str = self._tokenizer.apply_chat_template(
                list(some),
                tools=tools,
                chat_template=self._form.chat_template,
                enable_thinking=self._form.enable_thinking,
                add_generation_prompt=prompt,
                tokenize=False,
            )
            return text

        parts = split_turns(messages, render)
        tokens, of_token = encode_parts(self._tokenizer, parts, add_special_tokens=False)
        learned = np.array([part.written for part in parts])[of_token]
        prompt_length = int(learned.argmax())
        return EncodedRow(
            tokens=tokens,
            prompt_length=prompt_length,
            length=len(tokens),
            action_mask=learned[prompt_length:],
            image_end=0,
            image_digests=[],
            image_inputs=None,
        )
