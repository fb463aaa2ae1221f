"""One row of text -> tokens, prompt length and action mask, as Trinity's own formatter does."""

from __future__ import annotations

import json
from typing import Any

import datasets

from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.settings import ExpertSet

FEATURES = datasets.Features(
    {
        "tokens": datasets.List(datasets.Value("int32")),
        "prompt_length": datasets.Value("int32"),
        "length": datasets.Value("int32"),
        # Null where each token after the prompt is learnt.
        "action_mask": datasets.List(datasets.Value("bool")),
    }
)
UNUSABLE: dict[str, Any] = {"tokens": [], "prompt_length": 0, "length": 0, "action_mask": None}


class RowEncoder:
    """Encodes rows of one set and collects those that cannot be encoded.

    The tokens are those of Trinity's ``SFTFormatter``, which is called once for each row.

    Args:
        expert_set: The set.
        tokenizer_path: Folder or hub id of the tokenizer.

    Attributes:
        processor_or_tokenizer: The loaded tokenizer.
        problems: What is wrong with a row, by row number.

    Raises:
        ExpertDataError: There is no chat template.
    """

    def __init__(self, expert_set: ExpertSet, tokenizer_path: str) -> None:
        # Imported here: it needs vLLM, or its stand-ins on a machine without a GPU.
        from trinity.buffer.schema.formatter import SFTFormatter

        self._formatter = SFTFormatter(tokenizer_path, expert_set.format)
        self._tools_key = expert_set.format.tools_key
        self.processor_or_tokenizer = self._formatter.processor_or_tokenizer
        self.problems: dict[int, str] = {}
        if not (expert_set.format.chat_template or self.processor_or_tokenizer.chat_template):
            raise ExpertDataError(
                f"expert set {expert_set.name!r}: the tokenizer {tokenizer_path!r} has no chat "
                f"template and {expert_set.key('format.chat_template')} is not set. Set it, or "
                "model.custom_chat_template."
            )

    def __call__(self, sample: dict[str, Any], row: int) -> dict[str, Any]:
        """Encode one row; an unusable one is noted in ``problems`` and comes out empty.

        Args:
            sample: The row, by column.
            row: Its number in the set.

        Returns:
            A row of ``FEATURES``: tokens int32 ``[T]``, and action_mask bool
            ``[T - prompt_length]`` or None.
        """
        try:
            experience = self._formatter.format(self._with_tools_as_text(sample))
        except Exception as error:  # A chat template may raise anything; the row is reported.
            self.problems[row] = f"cannot be encoded: {type(error).__name__}: {error}"
            return UNUSABLE
        length, prompt_length = len(experience.tokens), experience.prompt_length
        multi_turn = experience.experience_type == "multi_turn"
        if prompt_length == 0 or (multi_turn and not experience.action_mask.any()):
            self.problems[row] = (
                "no token belongs to a turn of the assistant that follows a prompt; the chat "
                "template must mark these turns, with {% generation %} or by extending its prefix"
            )
            return UNUSABLE
        mask = experience.action_mask.bool().numpy() if multi_turn else None
        return {
            "tokens": experience.tokens.numpy(),
            "prompt_length": prompt_length,
            "length": length,
            "action_mask": mask,
        }

    def _with_tools_as_text(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Turn a list of tools into JSON text: the same meaning, without a warning for each row."""
        tools = sample.get(self._tools_key)
        if isinstance(tools, list):
            return {**sample, self._tools_key: json.dumps(tools)}
        return sample
