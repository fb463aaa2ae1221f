"""The functions of `flash_attn.bert_padding` in plain torch: same shapes, any device."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def index_first_axis(x: Tensor, indices: Tensor) -> Tensor:
    """Select rows.

    Args:
        x: `[rows, ...]`.
        indices: `[selected]`, int64.

    Returns:
        `[selected, ...]`.
    """
    return x[indices]


def unpad_input(x: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor, int, Tensor]:
    """Drop the padding and concatenate the rows.

    Args:
        x: `[batch, length, ...]`.
        attention_mask: `[batch, length]`, 1 for a token, 0 for padding.

    Returns:
        The tokens `[tokens, ...]`; their indices in the flattened input `[tokens]`, int64; the
        offsets of the rows `[batch + 1]`, int32; the length of the longest row; the row lengths
        `[batch]`, int32.
    """
    lengths = attention_mask.sum(dim=-1, dtype=torch.int32)
    indices = attention_mask.flatten().nonzero().flatten()
    offsets = functional.pad(lengths.cumsum(dim=0, dtype=torch.int32), (1, 0))
    return x.flatten(0, 1)[indices], indices, offsets, int(lengths.max()), lengths


def pad_input(x: Tensor, indices: Tensor, batch: int, length: int) -> Tensor:
    """Undo `unpad_input`.

    Args:
        x: `[tokens, ...]`.
        indices: `[tokens]`, as returned by `unpad_input`.
        batch: Number of rows of the padded tensor.
        length: Length of its rows.

    Returns:
        `[batch, length, ...]`, 0 for padding.
    """
    padded = x.new_zeros(batch * length, *x.shape[1:])
    padded[indices] = x
    return padded.view(batch, length, *x.shape[1:])


def rearrange(*args: Any, **kwargs: Any) -> Tensor:
    """Call `einops.rearrange`, which flash_attn re-exports."""
    from einops import rearrange as einops_rearrange

    result: Tensor = einops_rearrange(*args, **kwargs)
    return result
