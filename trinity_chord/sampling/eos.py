"""The tokens that end a response."""

from __future__ import annotations

from typing import Any


def eos_token_ids(tokenizer: Any, generation_config: Any = None) -> list[int]:
    """Return the ids of the tokens that end a response, ascending, each once.

    Args:
        tokenizer: A tokenizer of `transformers`; it may have no EOS token.
        generation_config: The model's generation configuration, which may list more.
    """
    of_model = getattr(generation_config, "eos_token_id", None)
    listed = of_model if isinstance(of_model, (list, tuple)) else [of_model]
    return sorted({*listed, tokenizer.eos_token_id} - {None})
