"""Encodes one row as tokens, prompt length, action mask and images."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import TemplateSyntaxError
from trinity.common.constants import PromptType

from trinity_chord.expert_data.checks import images_of, messages_of
from trinity_chord.expert_data.encoded import EncodedRow
from trinity_chord.expert_data.errors import (
    ChatTemplateError,
    ExpertDataError,
    TokenizerError,
)
from trinity_chord.expert_data.image_inputs import image_end, pack
from trinity_chord.expert_data.image_places import ImagePlaces
from trinity_chord.expert_data.settings import DROP, ExpertSet
from trinity_chord.expert_data.turns import TurnEncoder, marks_turns
from trinity_chord.images import ImageReader
from trinity_chord.turns import without_thoughts

# Stands in for a row that cannot be encoded; a set with such a row is never used.
PLACEHOLDER = EncodedRow(
    tokens=np.empty(0, dtype=np.int32),
    prompt_length=0,
    length=0,
    action_mask=None,
    image_end=0,
    image_digests=[],
    image_inputs=None,
)


class RowEncoder:
    """Encodes the rows of one set and collects those that cannot be encoded.

    The tokens are those of Trinity's `SFTFormatter`, which is called once per row, with one
    exception: if all turns of a text are learned and the chat template does not mark them with
    `{% generation %}`, `TurnEncoder` finds them. Trinity's own mask is shifted where a template
    renders earlier turns without their thoughts.

    Args:
        expert_set: The set.
        tokenizer_path: Folder or hub id of the tokenizer.
        folder: The data folder, which has the images; None if there is none.
        thoughts: `keep` or `drop`; see `StreamSettings`.

    Attributes:
        processor_or_tokenizer: The loaded tokenizer.
        images: Reads the images of the rows; None if the model reads no images.
        problems: The problem of each row that cannot be encoded, by row number.

    Raises:
        TokenizerError: The tokenizer cannot be loaded.
        ExpertDataError: There is no chat template.
    """

    def __init__(
        self, expert_set: ExpertSet, tokenizer_path: str, folder: Path | None, thoughts: str
    ) -> None:
        # Imported here because it needs vLLM, or the stand-ins for it on a machine without a GPU.
        from trinity.buffer.schema.formatter import SFTFormatter

        try:
            self._formatter = SFTFormatter(tokenizer_path, expert_set.format)
        except (OSError, ValueError) as error:
            raise TokenizerError(str(error)) from error
        self._form = expert_set.format
        self.processor_or_tokenizer = self._formatter.processor_or_tokenizer
        reads_images = hasattr(self.processor_or_tokenizer, "image_processor")
        self.images = ImageReader(folder) if reads_images else None
        logging.getLogger("transformers.processing_utils").addFilter(_no_line_for_each_row)
        self.problems: dict[int, str] = {}
        if not (expert_set.format.chat_template or self.processor_or_tokenizer.chat_template):
            raise ExpertDataError(
                f"`{expert_set.key('format.chat_template')}`: got None, expected a chat template "
                f"because the tokenizer {tokenizer_path!r} has none; set it, or set "
                "`model.custom_chat_template`"
            )
        messages = self._form.prompt_type == PromptType.MESSAGES
        self._drop = messages and thoughts == DROP
        self._turns: TurnEncoder | None = None
        all_turns = messages and self._form.enable_concatenated_multi_turn
        if all_turns and not reads_images and not marks_turns(self._form):
            self._turns = TurnEncoder(self.processor_or_tokenizer, self._form)

    def __call__(self, sample: dict[str, Any], row: int) -> EncodedRow:
        """Encode one row, or record its problem and return a placeholder.

        Args:
            sample: The row, by column.
            row: Its number in the set.

        Raises:
            ChatTemplateError: The chat template is not a template, whatever the row is.
        """
        try:
            return self._encode(self._without_thoughts(sample))
        except TemplateSyntaxError as error:
            raise ChatTemplateError(f"{error.message} (line {error.lineno})") from error
        except ExpertDataError as error:
            self.problems[row] = str(error)
        except Exception as error:  # A chat template may raise anything; the row is reported.
            self.problems[row] = f"cannot be encoded: {type(error).__name__}: {error}"
        return PLACEHOLDER

    def _encode(self, sample: dict[str, Any]) -> EncodedRow:
        if self._turns is not None:
            return self._turns(messages_of(sample, self._form), self._tools(sample))
        sample, digests = self._with_images(self._with_tools_as_text(sample))
        experience = self._formatter.format(sample)
        multi_turn = experience.experience_type == "multi_turn"
        if experience.prompt_length == 0 or (multi_turn and not experience.action_mask.any()):
            raise ExpertDataError(
                "got no response tokens, expected an assistant turn after a prompt; the chat "
                "template must mark assistant turns with {% generation %}, or render the messages "
                "before a turn as a prefix of the whole conversation"
            )
        return EncodedRow(
            tokens=experience.tokens.numpy().astype(np.int32),
            prompt_length=experience.prompt_length,
            length=len(experience.tokens),
            action_mask=experience.action_mask.bool().numpy() if multi_turn else None,
            image_end=0 if self.images is None else image_end(experience.multi_modal_inputs),
            image_digests=digests,
            image_inputs=None if self.images is None else pack(experience.multi_modal_inputs),
        )

    def _without_thoughts(self, sample: dict[str, Any]) -> dict[str, Any]:
        if not self._drop:
            return sample
        key = self._form.messages_key
        messages = [without_thoughts(message) for message in messages_of(sample, self._form)]
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

    def _with_images(self, sample: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Load the images of a row; also return their fingerprints."""
        if self.images is None:
            return sample, []
        form, digests, read = self._form, [], self.images.read

        def load(value: Any) -> Any:
            found = read(value)
            digests.append(found.digest)
            return found.picture

        column = images_of(sample, form)
        if form.prompt_type == PromptType.MESSAGES:
            places = ImagePlaces(column, form.image_key, load)
            sample = {**sample, form.messages_key: places.fill(messages_of(sample, form))}
        elif form.image_key:
            sample = {**sample, form.image_key: [load(value) for value in column]}
        return sample, digests

    def _with_tools_as_text(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Write a list of tools as JSON text: the same meaning, without a warning for each row."""
        tools = sample.get(self._form.tools_key)
        if isinstance(tools, list):
            return {**sample, self._form.tools_key: json.dumps(tools)}
        return sample


def _no_line_for_each_row(record: logging.LogRecord) -> bool:
    """Drop what transformers says for each row if a template has no use for an argument.

    Trinity gives every template the same arguments, such as `enable_thinking`.
    """
    return "have to be in `processor_kwargs` dict" not in record.getMessage()
