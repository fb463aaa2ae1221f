"""Encodes one row of text as tokens, prompt length and action mask."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from trinity.common.constants import PromptType

from trinity_chord.expert_data.encoded import EncodedRow
from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.settings import DROP, ExpertSet
from trinity_chord.expert_data.turns import TurnEncoder, marks_turns
from trinity_chord.turns import without_thoughts

# Stands in for a row that cannot be encoded; a set with such a row is never used.
PLACEHOLDER = EncodedRow(
    tokens=np.empty(0, dtype=np.int32), prompt_length=0, length=0, action_mask=None
)


class RowEncoder:
    """Encodes the rows of one set and collects those that cannot be encoded.

    A row of which only the last turn is learned, and one whose template marks the assistant's turns
    with `{% generation %}`, has the tokens of Trinity's `SFTFormatter`. All turns of other rows are
    found by `TurnEncoder`, since Trinity's own mask is shifted where a template renders earlier
    turns without their thoughts.

    Args:
        expert_set: The set.
        tokenizer_path: Folder or hub id of the tokenizer.
        thoughts: `keep` or `drop`; see `StreamSettings`.

    Attributes:
        processor_or_tokenizer: The loaded tokenizer.
        problems: The problem of each row that cannot be encoded, by row number.

    Raises:
        ExpertDataError: There is no chat template.
    """

    def __init__(self, expert_set: ExpertSet, tokenizer_path: str, thoughts: str) -> None:
        # Imported here because it needs vLLM, or the stand-ins for it on a machine without a GPU.
        from trinity.buffer.schema.formatter import SFTFormatter

        form = expert_set.format
        self._formatter = SFTFormatter(tokenizer_path, form)
        self._form = form
        self.processor_or_tokenizer = self._formatter.processor_or_tokenizer
        self.problems: dict[int, str] = {}
        if not (form.chat_template or self.processor_or_tokenizer.chat_template):
            raise ExpertDataError(
                f"`{expert_set.key('format.chat_template')}`: got None, expected a chat template "
                f"because the tokenizer {tokenizer_path!r} has none; set it, or set "
                "`model.custom_chat_template`"
            )
        messages = form.prompt_type == PromptType.MESSAGES
        self._drop = messages and thoughts == DROP
        self._turns: TurnEncoder | None = None
        if messages and form.enable_concatenated_multi_turn and not marks_turns(form):
            self._turns = TurnEncoder(self.processor_or_tokenizer, form)

    def __call__(self, sample: dict[str, Any], row: int) -> EncodedRow:
        """Encode one row, or record its problem and return a placeholder.

        Args:
            sample: The row, by column.
            row: Its number in the set.
        """
        try:
            return self._encode(self._without_thoughts(sample))
        except ExpertDataError as error:
            self.problems[row] = str(error)
        except Exception as error:  # A chat template may raise anything; the row is reported.
            self.problems[row] = f"cannot be encoded: {type(error).__name__}: {error}"
        return PLACEHOLDER

    def _encode(self, sample: dict[str, Any]) -> EncodedRow:
        if self._turns is not None:
            return self._turns(_messages(sample[self._form.messages_key]), self._tools(sample))
        experience = self._formatter.format(self._with_tools_as_text(sample))
        multi_turn = experience.experience_type == "multi_turn"
        if experience.prompt_length == 0 or (multi_turn and not experience.action_mask.any()):
            raise ExpertDataError(
                "got no response tokens, expected an assistant turn after a prompt; the chat "
                "template must mark assistant turns with {% generation %}, or render the messages "
                "before a turn as a prefix of the whole conversation"
            )
        return EncodedRow(
            tokens=experience.tokens.numpy(),
            prompt_length=experience.prompt_length,
            length=len(experience.tokens),
            action_mask=experience.action_mask.bool().numpy() if multi_turn else None,
        )

    def _without_thoughts(self, sample: dict[str, Any]) -> dict[str, Any]:
        if not self._drop:
            return sample
        key = self._form.messages_key
        messages = [without_thoughts(message) for message in _messages(sample[key])]
        for number, message in enumerate(messages):
            if message["role"] == "assistant" and not (
                message.get("content") or message.get("tool_calls")
            ):
                raise ExpertDataError(
                    f"`{key}[{number}]`: nothing but a thought, which `expert_thoughts: drop` "
                    "leaves out; expected text or tool calls after it"
                )
        return {**sample, key: messages}

    def _tools(self, sample: dict[str, Any]) -> list[dict[str, Any]] | None:
        tools = sample.get(self._form.tools_key)
        if isinstance(tools, str):
            tools = json.loads(tools) if tools else None
        return tools or None

    def _with_tools_as_text(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Write a list of tools as JSON text: the same meaning, without a warning for each row."""
        tools = sample.get(self._form.tools_key)
        if isinstance(tools, list):
            return {**sample, self._form.tools_key: json.dumps(tools)}
        return sample


def _messages(value: Any) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = json.loads(value) if isinstance(value, str) else value
    return messages
