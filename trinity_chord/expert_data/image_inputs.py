"""What a model's processor makes of a row's images, as bytes that the cache can hold."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

TOKEN_KINDS = "mm_token_type_ids"  # [1, length]: 0 for text.
# Pixels of diagrams are mostly one color: the lowest level makes them about as small as any other.
LEVEL = 1


def pack(inputs: Mapping[str, Tensor]) -> bytes:
    """Return tensors as compressed bytes, without loss."""
    tensors = {key: value.contiguous() for key, value in inputs.items()}
    return zlib.compress(save(tensors), LEVEL)


def unpack(packed: bytes, limit: int) -> dict[str, Tensor]:
    """Return the tensors of a row whose tokens are cut to ``limit``, after its last image."""
    inputs: dict[str, Tensor] = load(zlib.decompress(packed))
    if TOKEN_KINDS in inputs:
        inputs[TOKEN_KINDS] = inputs[TOKEN_KINDS][:, :limit].contiguous()
    return inputs


def image_end(inputs: Mapping[str, Any]) -> int:
    """Return the number of tokens up to the last one of an image, 0 if there is no image."""
    kinds = inputs.get(TOKEN_KINDS)
    if kinds is None or not bool(kinds.any()):
        return 0
    return int(torch.nonzero(kinds[0]).max()) + 1
