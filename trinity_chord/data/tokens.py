"""Counts the tokens of texts with the policy's tokenizer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trinity_chord.data.errors import PrepareError, first_line
from trinity_chord.data.source import HUB_SECONDS

# A tokenizer holds about 100 bytes per token until its call returns.
CALL_CHARACTERS = 1_000_000


class TokenCounter:
    """Counts tokens, without special tokens.

    Args:
        path: Folder or hub id of the tokenizer.

    Attributes:
        path: As given.
        sha256: SHA-256 of vocabulary and rules: the same for a folder and a hub id.

    Raises:
        PrepareError: The tokenizer cannot be loaded.
    """

    def __init__(self, path: str) -> None:
        try:
            self._tokenizer = _load(path)
        except Exception as error:  # transformers raises many unrelated classes
            raise PrepareError(
                f"`--tokenizer`: got {path!r}, which cannot be loaded ({first_line(error)}). Give "
                "the folder of the model to train, or drop the limit with --without length."
            ) from error
        self.path = path
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        rules = backend.to_str() if backend else repr(sorted(self._tokenizer.get_vocab().items()))
        self.sha256 = hashlib.sha256(rules.encode()).hexdigest()

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""
        counts: list[int] = []
        part: list[str] = []
        size = 0
        for text in texts:
            part.append(text)
            size += len(text)
            if size >= CALL_CHARACTERS:
                counts += self._count(part)
                part, size = [], 0
        return counts + (self._count(part) if part else [])

    def _count(self, texts: list[str]) -> list[int]:
        encoded = self._tokenizer(
            texts, add_special_tokens=False, return_attention_mask=False, verbose=False
        )
        return list(map(len, encoded["input_ids"]))


def _load(path: str) -> Any:
    """Load a tokenizer from a folder, the cache or the hub.

    The hub is tried once, with a short timeout: transformers itself would retry an unreachable hub
    for a minute.
    """
    from huggingface_hub import HfApi
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(path, local_files_only=True)
    except OSError:
        if Path(path).exists():
            raise
    HfApi().model_info(path, timeout=HUB_SECONDS)
    return AutoTokenizer.from_pretrained(path)
