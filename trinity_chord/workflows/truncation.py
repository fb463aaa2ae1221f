"""Says of a rollout whether it was cut off; Trinity's engines do not say it of chats."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from trinity_chord.sampling.eos import eos_token_ids

if TYPE_CHECKING:
    from trinity.common.experience import Experience
    from trinity.common.models.model import ModelWrapper


def is_truncated(response: Experience, model: ModelWrapper, max_tokens: int | None = None) -> bool:
    """Return whether a rollout ended because there was no more room.

    It has as many tokens as a response or a sequence may have, and the last of them closes nothing.

    Args:
        response: As the model gave it.
        model: Its configuration gives the limits and the folder of the tokenizer.
        max_tokens: Of this response, where the task has a limit of its own.
    """
    if response.truncate_status is not None:
        return response.truncate_status == "response_truncated"
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
    """A model whose rollouts say in `info["truncated"]` whether they were cut off.

    Args:
        model: Trinity's.
        mask: Mark them for Trinity, too, which then leaves their tokens out of the loss.
        max_tokens: Of a response, where the task has a limit of its own.
    """

    def __init__(self, model: ModelWrapper, *, mask: bool, max_tokens: int | None) -> None:
        self._model = model
        self._mask = mask
        self._max_tokens = max_tokens

    def chat(self, *args: Any, **kwargs: Any) -> Sequence[Experience]:
        """Chat as the model does."""
        return self._marked(self._model.chat(*args, **kwargs))

    def generate(self, *args: Any, **kwargs: Any) -> Sequence[Experience]:
        """Generate as the model does."""
        return self._marked(self._model.generate(*args, **kwargs))

    def _marked(self, responses: Sequence[Experience]) -> Sequence[Experience]:
        for response in responses:
            cut = is_truncated(response, self._model, self._max_tokens)
            response.info["truncated"] = cut
            if cut and self._mask:
                response.truncate_status = "response_truncated"
        return responses
