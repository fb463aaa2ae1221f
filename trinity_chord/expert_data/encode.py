"""Encodes one row of text as tokens, prompt length and action mask with Trinity's formatter."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from jinja2 import TemplateSyntaxError

from trinity_chord.expert_data.encoded import EncodedRow
from trinity_chord.expert_data.errors import (
    ChatTemplateError,
    ExpertDataError,
    TokenizerError,
)
from trinity_chord.expert_data.settings import ExpertSet

# Stands in for a row that cannot be encoded; a set with such a row is never used.
PLACEHOLDER = EncodedRow(
    tokens=np.empty(0, dtype=np.int32), prompt_length=0, length=0, action_mask=None
)


class RowEncoder:
    """Encodes the rows of one set and collects those that cannot be encoded.

    The tokens are those of Trinity's ``SFTFormatter``, which is called once per row.

    Args:
        expert_set: The set.
        tokenizer_path: Folder or hub id of the tokenizer.

    Attributes:
        processor_or_tokenizer: The loaded tokenizer.
        problems: The problem of each row that cannot be encoded, by row number.

    Raises:
        TokenizerError: The tokenizer cannot be loaded.
        ExpertDataError: There is no chat template.
    """

    def __init__(self, expert_set: ExpertSet, tokenizer_path: str) -> None:
        # Imported here because it needs vLLM, or the stand-ins for it on a machine without a GPU.
        from trinity.buffer.schema.formatter import SFTFormatter

        try:
            self._formatter = SFTFormatter(tokenizer_path, expert_set.format)
        except (OSError, ValueError) as error:
            raise TokenizerError(str(error)) from error
        self._tools_key = expert_set.format.tools_key
        self.processor_or_tokenizer = self._formatter.processor_or_tokenizer
        self.problems: dict[int, str] = {}
        if not (expert_set.format.chat_template or self.processor_or_tokenizer.chat_template):
            raise ExpertDataError(
                f"`{expert_set.key('format.chat_template')}`: got None, expected a chat template "
                f"because the tokenizer {tokenizer_path!r} has none; set it, or set "
                "`model.custom_chat_template`"
            )

    def __call__(self, sample: dict[str, Any], row: int) -> EncodedRow:
        """Encode one row, or record its problem and return a placeholder.

        Args:
            sample: The row, by column.
            row: Its number in the set.

        Raises:
            ChatTemplateError: The chat template is not a template, whatever the row is.
        """
        try:
            experience = self._formatter.format(self._with_tools_as_text(sample))
        except TemplateSyntaxError as error:
            raise ChatTemplateError(f"{error.message} (line {error.lineno})") from error
        except Exception as error:  # A chat template may raise anything; the row is reported.
            self.problems[row] = f"cannot be encoded: {type(error).__name__}: {error}"
            return PLACEHOLDER
        multi_turn = experience.experience_type == "multi_turn"
        if experience.prompt_length == 0 or (multi_turn and not experience.action_mask.any()):
            self.problems[row] = (
                "got no response tokens, expected an assistant turn after a prompt; the chat "
                "template must mark assistant turns with {% generation %}, or render the messages "
                "before a turn as a prefix of the whole conversation"
            )
            return PLACEHOLDER
        return EncodedRow(
            tokens=experience.tokens.numpy(),
            prompt_length=experience.prompt_length,
            length=len(experience.tokens),
            action_mask=experience.action_mask.bool().numpy() if multi_turn else None,
        )

    def _with_tools_as_text(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Write a list of tools as JSON text: the same meaning, without a warning for each row."""
        tools = sample.get(self._tools_key)
        if isinstance(tools, list):
            return {**sample, self._tools_key: json.dumps(tools)}
        return sample
