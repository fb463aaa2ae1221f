"""Tokenized rows: the fields of one, their columns in the cache, and all rows of a set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypedDict

import datasets
import numpy as np
import numpy.typing as npt
import pyarrow as pa


class EncodedRow(TypedDict):
    """One row as tokens.

    Attributes:
        tokens: Prompt and response, int32 ``[length]``.
        prompt_length: Number of prompt tokens.
        length: Number of tokens, stored so that lengths are known without reading the tokens.
        action_mask: Which tokens after the prompt are learned, bool ``[length - prompt_length]``;
            None if all of them are.
        image_end: Number of tokens up to the last one of an image; 0 if there is no image.
        image_digests: Fingerprints of the images' files, in order.
        image_inputs: What the model's processor makes of the images and of the kinds of tokens,
            packed; None if the model reads no images.
    """

    tokens: npt.NDArray[np.int32]
    prompt_length: int
    length: int
    action_mask: npt.NDArray[np.bool_] | None
    image_end: int
    image_digests: list[str]
    image_inputs: bytes | None


# The fields of `EncodedRow` as columns of the cache.
FEATURES = datasets.Features(
    {
        "tokens": datasets.List(datasets.Value("int32")),
        "prompt_length": datasets.Value("int32"),
        "length": datasets.Value("int32"),
        "action_mask": datasets.List(datasets.Value("bool")),
        "image_end": datasets.Value("int32"),
        "image_digests": datasets.List(datasets.Value("string")),
        "image_inputs": datasets.Value("large_binary"),
    }
)


@dataclass(frozen=True)
class EncodedSet:
    """All rows of a set as tokens, memory-mapped.

    Attributes:
        rows: The rows with the columns of `FEATURES`, in the order of the source, as Arrow tables.
        content: Fingerprint of the tokens, prompt lengths, action masks and images.
        from_cache: Whether an earlier process had encoded them.
    """

    rows: datasets.Dataset
    content: str
    from_cache: bool

    @property
    def lengths(self) -> npt.NDArray[np.int32]:
        """Tokens of each row, int32 ``[rows]``."""
        return self._column("length")

    @property
    def image_ends(self) -> npt.NDArray[np.int32]:
        """Tokens of each row up to the last one of an image, int32 ``[rows]``."""
        return self._column("image_end")

    @property
    def prompt_lengths(self) -> npt.NDArray[np.int32]:
        """Prompt tokens of each row, int32 ``[rows]``."""
        return self._column("prompt_length")

    def at(self, numbers: Iterable[int]) -> list[EncodedRow]:
        """Return rows by their number in the source; their arrays are views of the memory map."""
        table: pa.Table = self.rows[list(numbers)]
        tokens, masks = table["tokens"], table["action_mask"]
        lengths, prompt_lengths = table["length"].to_pylist(), table["prompt_length"].to_pylist()
        return [
            EncodedRow(
                tokens=_values(tokens[i]),
                prompt_length=prompt_lengths[i],
                length=lengths[i],
                action_mask=_values(masks[i]) if masks[i].is_valid else None,
                image_end=table["image_end"][i].as_py(),
                image_digests=table["image_digests"][i].as_py(),
                image_inputs=table["image_inputs"][i].as_py(),
            )
            for i in range(len(table))
        ]

    def _column(self, name: str) -> npt.NDArray[np.int32]:
        values: npt.NDArray[np.int32] = self.rows[name][:].to_numpy()
        return values


def open_encoded(arrow: Path) -> datasets.Dataset:
    """Return the rows of a cache file, memory-mapped, as Arrow tables."""
    return datasets.Dataset.from_file(str(arrow)).with_format("arrow")


def content_digest(rows: datasets.Dataset) -> str:
    """Return the fingerprint of encoded rows: the same for the same tokens in the same order.

    Images count by the content of their files, since a processor's other release may round
    differently.

    Args:
        rows: Rows with the columns of `FEATURES`, as `open_encoded` returns them.
    """
    hasher = blake2b(digest_size=16)
    for batch in rows.iter(batch_size=1000):
        for column in ("length", "prompt_length"):
            hasher.update(batch[column].to_numpy().tobytes())
        hasher.update(batch["tokens"].combine_chunks().flatten().to_numpy())
        masks = batch["action_mask"].combine_chunks()
        hasher.update(masks.is_valid().to_numpy(zero_copy_only=False).tobytes())
        hasher.update(masks.flatten().to_numpy(zero_copy_only=False).astype(np.bool_).tobytes())
        for digests in batch["image_digests"].to_pylist():
            hasher.update("".join(digests).encode())
    return hasher.hexdigest()


def _values(row: pa.ListScalar) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = row.values.to_numpy(zero_copy_only=False)
    return values
