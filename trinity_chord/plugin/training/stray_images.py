"""Rollouts whose response has the token that stands for a part of an image, but no image for it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from trinity.common.experience import Experience
from trinity.utils.log import get_logger

TOKEN_KINDS = "mm_token_type_ids"  # [1, length]: 0 for text.
TEXT_TOKEN = 0  # Stands in for the stray token: in every known vocabulary a token of text.


def leave_out_stray_images(on_policy: Sequence[Experience], experts: Sequence[Experience]) -> None:
    """Leave such a token, and what follows it, out of the loss of an on-policy row.

    A policy may sample this token like any other. A model that is given it next to the images of
    other rows looks for one more image and refuses the whole micro-batch, which ends the run. The
    tokens before it stay as they are, and so do their probabilities.

    Args:
        on_policy: The on-policy rows; changed in place.
        experts: The expert rows, which have no such token.
    """
    image_tokens = {token for row in (*on_policy, *experts) for token in _image_tokens(row)}
    if not image_tokens:
        return
    of_images, changed = torch.tensor(sorted(image_tokens)), 0
    for row in on_policy:
        stray = torch.isin(row.tokens, of_images.to(row.tokens.dtype)) & (_kinds(row) == 0)
        if stray.any():
            changed += 1
            first = max(int(stray.nonzero()[0]) - row.prompt_length, 0)
            row.tokens = row.tokens.masked_fill(stray, TEXT_TOKEN)
            row.action_mask = row.action_mask.clone()
            row.action_mask[first:] = False
    if changed:
        get_logger(__name__, in_ray_actor=True).warning(
            "%d rollouts have the token of an image in their text, but no image: it and what "
            "follows are left out of the loss",
            changed,
        )


def _kinds(row: Experience) -> Tensor:
    """Return the kind of each token of a row, `[length]`."""
    kinds = (row.multi_modal_inputs or {}).get(TOKEN_KINDS)
    return torch.zeros(len(row.tokens), dtype=torch.int) if kinds is None else kinds[0]


def _image_tokens(row: Experience) -> list[int]:
    if not row.multi_modal_inputs:
        return []
    found: list[int] = row.tokens[_kinds(row) != 0].unique().tolist()
    return found
