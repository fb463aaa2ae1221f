"""Detects truncated rollouts, which Trinity's engines do not mark in chats."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from trinity_chord.sampling.eos import eos_token_ids

if TYPE_CHECKING:
    from trinity.common.experience import Experience
    from trinity.common.models.model import ModelWrapper


def is_truncated(response: Experience, model: ModelWrapper, max_tokens: int | None = None) -> bool:
    """Return whether a rollout was cut off by a length limit.

    It was if it has as many tokens as a response or a sequence may have, and does not end with a
    closing token. If the engine has set `truncate_status`, that decides.

    Args:
        response: The rollout as the model returned it.
        model: The model, whose configuration has the limits and the folder of the tokenizer.
        max_tokens: The task's own maximum of response tokens, if it has one.
    """
    if response.truncate_status is not None:
        return bool(response.truncate_status == "response_truncated")
    limit = max_tokens or model.config.max_response_tokens
    whole = model.config.max_model_len
    length = len(response.tokens) - response.prompt_length
    full = bool(limit and length >= limit) or bool(whole and len(response.tokens) >= whole)
    return full and int(response.tokens[-1]) not in closing_tokens(model.config.model_path)


@cache
def closing_tokens(model_path: str) -> frozenset[int]:
    """Return the ids of the tokens that end a response."""
    from transformers import AutoTokenizer, GenerationConfig

    try:
        generation_config = GenerationConfig.from_pretrained(model_path)
    except OSError:  # A model need not have one.
        generation_config = None
    return frozenset(eos_token_ids(AutoTokenizer.from_pretrained(model_path), generation_config))


class MarkingModel:
    """A model that sets `info["truncated"]` of each rollout.

    Args:
        model: Trinity's model.
        mask: Also set `truncate_status` of truncated rollouts, so that Trinity leaves their tokens
            out of the loss.
        max_tokens: The task's own maximum of response tokens, if it has one.
    """

    def __init__(self, model: ModelWrapper, *, mask: bool, max_tokens: int | None) -> None:
        self._model = model
        self._mask = mask
        self._max_tokens = max_tokens

    def chat(self, *args: Any, **kwargs: Any) -> Sequence[Experience]:
        """Call the model's `chat` and mark the rollouts."""
        return self._marked(self._model.chat(*args, **kwargs))

    def generate(self, *args: Any, **kwargs: Any) -> Sequence[Experience]:
        """Call the model's `generate` and mark the rollouts."""
        return self._marked(self._model.generate(*args, **kwargs))

    def _marked(self, responses: Sequence[Experience]) -> Sequence[Experience]:
        for response in responses:
            truncated = is_truncated(response, self._model, self._max_tokens)
            response.info["truncated"] = truncated
            if truncated and self._mask:
                response.truncate_status = "response_truncated"
        return responses
