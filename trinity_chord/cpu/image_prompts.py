"""Prompts with images, for the rollout engine on a machine without a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoProcessor,
)

from trinity_chord.errors import ChordError
from trinity_chord.images import MAX_PIXELS, ImageReader
from trinity_chord.sampling.generate import TOKEN_KINDS

IMAGE_KINDS = ("image", "image_url")
NOT_INPUTS = ("input_ids", "attention_mask")  # What a processor returns besides the images.


@dataclass(frozen=True)
class Prompt:
    """A prompt as a model reads it.

    Attributes:
        tokens: The token ids, with those that stand for images.
        images: What the processor makes of the images, and the kind of each token.
    """

    tokens: list[int]
    images: dict[str, Tensor] = field(default_factory=dict)


class ImagePrompts:
    """Turns conversations with images into prompts of one model.

    Args:
        model_path: The folder of the model and its processor.
        trust_remote_code: Whether code that comes with the model may run.
    """

    def __init__(self, model_path: str, trust_remote_code: bool) -> None:
        self._processor: Any = AutoProcessor.from_pretrained(  # type: ignore[no-untyped-call]  # unannotated in transformers
            model_path, trust_remote_code=trust_remote_code
        )

    def prompt(
        self, messages: list[dict[str, Any]], render: Callable[[list[dict[str, Any]]], str]
    ) -> Prompt:
        """Return a conversation as a prompt.

        Args:
            messages: The conversation; images are as `ImageReader` reads them, or Pillow's.
            render: Applies the chat template.

        Raises:
            ChordError: An image cannot be used.
        """
        pictures: list[Image.Image] = []
        prepared = [self._message(message, pictures) for message in messages]
        found = self._processor(text=[render(prepared)], images=pictures, return_tensors="pt")
        tokens = found["input_ids"][0].tolist()
        return Prompt(tokens, {key: found[key] for key in found if key not in NOT_INPUTS})

    def _message(self, message: dict[str, Any], pictures: list[Image.Image]) -> dict[str, Any]:
        """Return a message whose images are only places, and collect the images."""
        if not isinstance(message["content"], list):
            return message
        parts = []
        for part in message["content"]:
            if part.get("type") not in IMAGE_KINDS:
                parts.append(part)
                continue
            own = part["image_url"]["url"] if part["type"] == "image_url" else part.get("image")
            pictures.append(_picture(own))
            parts.append({"type": "image"})
        return {**message, "content": parts}


def has_images(messages: list[dict[str, Any]]) -> bool:
    """Return whether a conversation has images."""
    return any(
        part.get("type") in IMAGE_KINDS
        for message in messages
        if isinstance(message["content"], list)
        for part in message["content"]
    )


def with_response(images: dict[str, Tensor], length: int) -> dict[str, Tensor] | None:
    """Return a prompt's images as the trainer needs them, with the kinds of all tokens.

    Args:
        images: See `Prompt`; empty if the prompt has no images.
        length: Number of tokens of the response.
    """
    if not images:
        return None
    kinds = images[TOKEN_KINDS]
    return {**images, TOKEN_KINDS: torch.cat([kinds, kinds.new_zeros(1, length)], dim=1)}


def model_class(model_path: str, trust_remote_code: bool) -> Any:
    """Return the class of `transformers` that loads a model, whether it reads images or not."""
    config = AutoConfig.from_pretrained(model_path, trust_remote_code=trust_remote_code)
    return AutoModelForImageTextToText if reads_images(config) else AutoModelForCausalLM


def reads_images(config: Any) -> bool:
    """Return whether a model with this configuration reads images."""
    return hasattr(config, "vision_config")


def _picture(value: Any) -> Image.Image:
    try:
        if isinstance(value, Image.Image):
            if value.width * value.height > MAX_PIXELS:
                raise ValueError(
                    f"got {value.width:,} × {value.height:,} pixels, expected at most "
                    f"{MAX_PIXELS:,}"
                )
            return value.convert("RGB")
        return ImageReader(None).read(value).picture
    except ValueError as error:
        raise ChordError(f"image of a prompt: {error}") from error
