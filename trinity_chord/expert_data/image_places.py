"""Puts the images of a row where its messages want them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

TAG = "<image>"
ROLES = ("system", "user", "tool")  # An answer is text: a model of this kind makes no images.

Message = dict[str, Any]
Load = Callable[[Any], Any]


class ImagePlaces:
    """Walks through the messages of one row and loads each image where it stands.

    A place is a content part ``{"type": "image"}``, whose image is in its own key `image` or is
    the next one of the row's column; ``{"type": "image_url", "image_url": {"url": ...}}``; or,
    if the row has a column of images, the text ``<image>``.

    Args:
        column: The images of the row's column, in order.
        column_name: The name of the column; None if there is none.
        load: Turns what the row has into what the part gets; raises ValueError if it cannot.

    Raises:
        ValueError: From `fill`: an image cannot be used or has no place, or a place has no image.
    """

    def __init__(self, column: list[Any], column_name: str | None, load: Load) -> None:
        self._column = column
        self._name = column_name
        self._load = load
        self._taken = 0

    def fill(self, messages: list[Message]) -> list[Message]:
        """Return the messages with every image loaded."""
        filled = [self._message(message) for message in messages]
        if self._taken < len(self._column):
            raise ValueError(
                f"`{self._name}`: got {len(self._column)} images, but the messages have "
                f'places for {self._taken}; mark each place by a part {{"type": "image"}} or by '
                f"the text {TAG}"
            )
        return filled

    def _message(self, message: Message) -> Message:
        content = message.get("content")
        if isinstance(content, str) and self._has_tag(content) and message["role"] in ROLES:
            return {**message, "content": list(self._split(content))}
        if isinstance(content, list):
            return {**message, "content": [each for part in content for each in self._part(part)]}
        return message

    def _part(self, part: dict[str, Any]) -> Iterator[dict[str, Any]]:
        kind = part.get("type", "text")
        if kind == "text":
            if self._has_tag(part.get("text") or ""):
                yield from self._split(part["text"])
            else:  # Without the keys that only other parts of the data set have.
                yield {key: value for key, value in part.items() if value is not None}
            return
        own = part.get("image")
        if kind == "image_url":
            own = (part.get("image_url") or {}).get("url")
        yield self._image(self._next() if own is None else own)

    def _has_tag(self, text: str) -> bool:
        return self._name is not None and TAG in text

    def _split(self, text: str) -> Iterator[dict[str, Any]]:
        for piece in re.split(f"({re.escape(TAG)})", text):
            if piece == TAG:
                yield self._image(self._next())
            elif piece:
                yield {"type": "text", "text": piece}

    def _image(self, value: Any) -> dict[str, Any]:
        return {"type": "image", "image": self._load(value)}

    def _next(self) -> Any:
        if self._taken == len(self._column):
            where = f"`{self._name}`" if self._name else "the row (`format.image_key` is not set)"
            raise ValueError(
                f"got a place for image {self._taken + 1}, but {where} has {len(self._column)} "
                "images"
            )
        self._taken += 1
        return self._column[self._taken - 1]


def as_list(value: Any) -> list[Any]:
    """Return the images of a column's value, which may be none, one or several."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
