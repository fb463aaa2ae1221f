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
PATH_WANTED = (
    "a folder that holds data files, one .jsonl, .json, .parquet or .arrow file, or the id of a "
    "dataset on the Hugging Face hub"
)


@dataclass(frozen=True)
class ExpertSet:
    """One set of expert rows.

    Attributes:
        name: Its name, the key under ``buffer.trainer_input.auxiliary_buffers``.
        path: A folder or a single ``.jsonl``, ``.json``, ``.parquet`` or ``.arrow`` file, or the
            id of a dataset on the Hugging Face hub.
        split: The split, in the notation of ``datasets.load_dataset``.
        subset_name: The configuration of the dataset, where it has several.
        format: Trinity's description of a row. ``chat_template`` and ``enable_thinking`` are
            used as they stand: the caller fills them from the model's configuration.
        share: Weight of the set among the sets of a stream; only the ratios matter.
        quality: Makes rows appear as often as their score is good; each once if None.

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
            raise ExpertDataError("an expert set has an empty name: give each set a name")
        if not self.path:
            raise ExpertDataError(f"{self.key('path')} is {self.path!r}, expected {PATH_WANTED}")
        if not (math.isfinite(self.share) and self.share > 0):
            raise ExpertDataError(
                f"expert set {self.name!r}: share is {self.share!r}, expected a finite number "
                "above 0. Leave the set out to give it no rows."
            )

    def key(self, leaf: str) -> str:
        """Return the full name of one of the set's keys in a Trinity configuration."""
        return f"buffer.trainer_input.auxiliary_buffers.{self.name}.{leaf}"


@dataclass(frozen=True)
class StreamSettings:
    """Settings that all sets of a stream share.

    Attributes:
        tokenizer_path: Folder or hub id of the tokenizer.
        max_model_len: The most tokens of a row, prompt and response together.
        overlong: What happens to a longer row: ``'drop'``, ``'cut'`` (the response is cut from
            the right; a row whose prompt leaves no room for a response token is dropped) or
            ``'error'``.
        at_end: What happens when a set has given all its rows: ``'cycle'`` (a new epoch in a new
            order), ``'stop'`` or ``'error'``.
        seed: Seed of the orders, 0 or more.
        cache_dir: Folder of the token cache. With None the tokens lie in a temporary folder that
            goes with the stream, and a later process tokenises again.
        pair_by: What the key of a row is, for reading rows by key; None where nobody does.

    Raises:
        ExpertDataError: A value is out of its range.
    """

    tokenizer_path: str
    max_model_len: int
    overlong: str = "drop"
    at_end: str = "cycle"
    seed: int = 42
    cache_dir: str | Path | None = None
    pair_by: PairBy | None = None

    def __post_init__(self) -> None:
        _check_choice("overlong", self.overlong, OVERLONG)
        _check_choice("at_end", self.at_end, AT_END)
        if self.max_model_len < 2:
            raise ExpertDataError(
                f"max_model_len is {self.max_model_len!r}, expected at least 2: one token of the "
                "prompt and one of the response"
            )
        if self.seed < 0:
            raise ExpertDataError(f"seed is {self.seed!r}, expected 0 or more")


def check_sets(sets: Sequence[ExpertSet]) -> None:
    """Check what holds between the sets of a stream.

    Raises:
        ExpertDataError: There is no set, or two sets have one name.
    """
    if not sets:
        raise ExpertDataError("the expert stream has no set, expected at least one")
    names = [expert_set.name for expert_set in sets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ExpertDataError(f"expert sets share the names {twice}: give each set its own name")


def _check_choice(name: str, found: str, wanted: tuple[str, ...]) -> None:
    if found not in wanted:
        raise ExpertDataError(
            f"{name} is {found!r}, expected one of {', '.join(map(repr, wanted))}"
        )
