"""Settings of the expert stream and of its sets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trinity.common.config import FormatConfig

from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.pairs import PairBy
from trinity_chord.expert_data.quality import Quality

OVERLONG = ("drop", "cut", "error")
AT_END = ("cycle", "stop", "error")
DROP = "drop"
THOUGHTS = ("keep", DROP)
PATH_EXPECTED = (
    "a folder of data files, one .jsonl, .json, .parquet or .arrow file, or the id of a dataset "
    "on the Hugging Face hub"
)


@dataclass(frozen=True)
class ExpertSet:
    """One set of expert rows.

    Attributes:
        name: Its name, the key under ``buffer.trainer_input.auxiliary_buffers``.
        path: A folder, a single ``.jsonl``, ``.json``, ``.parquet`` or ``.arrow`` file, or the id
            of a dataset on the Hugging Face hub.
        split: The split, in the notation of ``datasets.load_dataset``.
        subset_name: The configuration of the dataset, if it has several.
        format: Trinity's description of a row. ``chat_template`` and ``enable_thinking`` are used
            as given: the caller fills them in from the model's configuration.
        share: Weight of the set among the sets of a stream; only the ratios matter.
        quality: How often a row appears, by its score; each row appears once if None.

    Raises:
        ExpertDataError: The name or the path is empty, or ``share`` is not a finite number above 0.
    """

    name: str
    path: str
    split: str = "train"
    subset_name: str | None = None
    format: FormatConfig = field(default_factory=FormatConfig)
    share: float = 1.0
    quality: Quality | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ExpertDataError("name of an expert set: got an empty text, expected a name")
        if not self.path:
            raise ExpertDataError(
                f"`{self.key('path')}`: got {self.path!r}, expected {PATH_EXPECTED}"
            )
        if not (math.isfinite(self.share) and self.share > 0):
            raise ExpertDataError(
                f"`share` of expert set {self.name!r}: got {self.share!r}, expected a finite "
                "number above 0; to read no rows from the set, remove it"
            )

    def key(self, leaf: str) -> str:
        """Return the full name of one of the set's keys in a Trinity configuration."""
        return f"buffer.trainer_input.auxiliary_buffers.{self.name}.{leaf}"

    def __str__(self) -> str:
        return f"expert set {self.name!r} ({self.path})"


@dataclass(frozen=True)
class StreamSettings:
    """Settings that all sets of a stream share.

    Attributes:
        tokenizer_path: Folder or hub id of the tokenizer.
        max_model_len: Maximum tokens per row, prompt and response together.
        overlong: What happens to a longer row: ``'drop'``, ``'cut'`` (the response is cut from
            the right; a row whose prompt leaves no room for a response token is dropped) or
            ``'error'``.
        at_end: What happens when all rows of a set have been read: ``'cycle'`` (a new epoch in a
            new order), ``'stop'`` or ``'error'``.
        thoughts: Whether the thoughts in the assistant's turns are kept (``'keep'``) or removed
            before a row is tokenized (``'drop'``).
        seed: Seed of the orders, 0 or more.
        cache_dir: Folder of the token cache. If None, the tokens are kept in a temporary folder
            that is deleted with the stream, and a later process tokenizes again.
        pair_by: What the key of a row is, if rows are read by key.

    Raises:
        ExpertDataError: A value is out of range.
    """

    tokenizer_path: str
    max_model_len: int
    overlong: str = "drop"
    at_end: str = "cycle"
    thoughts: str = "keep"
    seed: int = 42
    cache_dir: str | Path | None = None
    pair_by: PairBy | None = None

    def __post_init__(self) -> None:
        _check_choice("overlong", self.overlong, OVERLONG)
        _check_choice("at_end", self.at_end, AT_END)
        _check_choice("thoughts", self.thoughts, THOUGHTS)
        if self.max_model_len < 2:
            raise ExpertDataError(
                f"`max_model_len`: got {self.max_model_len!r}, expected at least 2, one token of "
                "the prompt and one of the response"
            )
        if self.seed < 0:
            raise ExpertDataError(f"`seed`: got {self.seed!r}, expected 0 or more")


def check_sets(sets: Sequence[ExpertSet]) -> None:
    """Check that a stream has sets and that their names differ.

    Raises:
        ExpertDataError: There is no set, or two sets have the same name.
    """
    if not sets:
        raise ExpertDataError("sets of the expert stream: got none, expected at least one")
    names = [expert_set.name for expert_set in sets]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ExpertDataError(
            f"names of the expert sets: got {repeated} more than once, expected different names"
        )


def _check_choice(name: str, found: str, choices: tuple[str, ...]) -> None:
    if found not in choices:
        raise ExpertDataError(
            f"`{name}`: got {found!r}, expected one of {', '.join(map(repr, choices))}"
        )
