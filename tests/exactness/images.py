"""Images for the rows of the exactness tests: none, one or two, of different sizes."""

from collections.abc import Sequence

import torch
from torch import Tensor
from trinity.common.experience import Experience

from tests.tiny_vision_model import MERGE, PATCH, make_vision_tokenizer

# Height and width of the images of each row, in tokens, repeated over the rows.
SIZES = ([(1, 2)], [], [(2, 3), (1, 1)], [(3, 1)], [])


def with_images(rows: Sequence[Experience]) -> list[Experience]:
    """Put images with random pixels at the start of the rows' prompts, by the rows' numbers."""
    start, end, pad = make_vision_tokenizer().convert_tokens_to_ids(
        ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]
    )
    for row in rows:
        sizes = SIZES[row.eid.run % len(SIZES)]
        generator = torch.Generator().manual_seed(row.eid.run)
        marks = [token for h, w in sizes for token in (start, *[pad] * h * w, end)]
        row.tokens = torch.cat([torch.tensor(marks, dtype=row.tokens.dtype), row.tokens])
        row.prompt_length += len(marks)
        row.multi_modal_inputs = _inputs(sizes, row.tokens == pad, generator)
    return list(rows)


def _inputs(
    sizes: Sequence[tuple[int, int]], is_image: Tensor, generator: torch.Generator
) -> dict[str, Tensor]:
    """Return what the processor makes of images, and the kind of each token."""
    inputs = {"mm_token_type_ids": is_image.int()[None]}
    if sizes:
        grid = torch.tensor([[1, h * MERGE, w * MERGE] for h, w in sizes])
        patches = int(grid.prod(1).sum())
        inputs["pixel_values"] = torch.randn(patches, 3 * 2 * PATCH**2, generator=generator)
        inputs["image_grid_thw"] = grid
    return inputs
