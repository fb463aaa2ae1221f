"""Fingerprints of files, tokenizers and settings that are the same in every process."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

CHUNK = 1 << 20


def digest(value: Any) -> str:
    """Return the fingerprint of a value that JSON can hold."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def file_digest(path: Path) -> str:
    """Return the fingerprint of a file's content."""
    hasher = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def processor_digest(processor: Any) -> str:
    """Return the fingerprint of how a loaded processor turns images into tensors."""
    images = processor.image_processor
    return digest({"class": type(images).__qualname__, "settings": images.to_json_string()})


def tokenizer_digest(processor_or_tokenizer: Any) -> str:
    """Return the fingerprint of a loaded tokenizer: its vocabulary, rules and chat template.

    The loaded object is hashed instead of its files: a folder and a hub id then give the same
    fingerprint, and files that tokenization does not use have no effect.
    """
    tokenizer = getattr(processor_or_tokenizer, "tokenizer", processor_or_tokenizer)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    rules = backend.to_str() if backend is not None else tokenizer.get_vocab()
    return digest(
        {
            "class": type(tokenizer).__qualname__,
            "rules": rules,
            "special_tokens": {k: str(v) for k, v in tokenizer.special_tokens_map.items()},
            "chat_template": processor_or_tokenizer.chat_template,
            "model_max_length": tokenizer.model_max_length,
        }
    )
