"""The usable rows of one expert set, as Trinity's experiences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from trinity.common.experience import EID, Experience

from trinity_chord.expert_data.cache import encoded_rows
from trinity_chord.expert_data.columns import read_keys, read_scores
from trinity_chord.expert_data.encoded import EncodedRow
from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.fingerprint import digest
from trinity_chord.expert_data.image_inputs import unpack
from trinity_chord.expert_data.lengths import select_rows
from trinity_chord.expert_data.quality import appearances
from trinity_chord.expert_data.report import SetReport
from trinity_chord.expert_data.settings import ExpertSet, StreamSettings


class ExpertRows:
    """The rows of one set that fit into ``max_model_len``, with their repeats, memory-mapped.

    Args:
        expert_set: The set.
        settings: The stream's settings.
        cache_dir: Folder of the token cache.

    Attributes:
        report: How many of the set's rows are kept, dropped, cut and repeated.
        fingerprint: Fingerprint of the tokens, of which rows are kept and of how often each
            appears; it depends neither on the location of the data nor on package versions.
        keys: The key of each kept row; empty if ``pair_by`` is None.
        shortest_prompt: Tokens of the shortest prompt of a kept row, up to its last image.

    Raises:
        ExpertDataError: The set cannot be opened or used.
    """

    def __init__(self, expert_set: ExpertSet, settings: StreamSettings, cache_dir: Path) -> None:
        self._encoded = encoded_rows(
            expert_set, settings.tokenizer_path, cache_dir, settings.thoughts
        )
        lengths = self._encoded.lengths
        # A row can be cut after its prompt and after its last image.
        needed = np.maximum(self._encoded.prompt_lengths, self._encoded.image_ends)
        fitting = select_rows(
            lengths, needed, settings.max_model_len, settings.overlong, str(expert_set)
        )
        self._name = expert_set.name
        self._max_model_len = settings.max_model_len
        self._kept = kept = _repeated(fitting, expert_set)
        self.fingerprint = digest([self._encoded.content, kept.tobytes().hex()])
        self.keys = _keys(expert_set, settings, kept)
        self._filler = int(kept[needed[kept].argmin()])
        self.shortest_prompt = int(needed[self._filler])
        different = len(np.unique(kept))
        self.report = SetReport(
            name=expert_set.name,
            rows_read=len(lengths),
            kept=len(kept),
            dropped=len(lengths) - len(fitting),
            below=len(fitting) - different,
            repeats=len(kept) - different,
            cut=int((lengths[kept] > settings.max_model_len).sum()),
            tokens=int(np.minimum(lengths[kept], settings.max_model_len).sum(dtype=np.int64)),
            shortest=int(lengths.min()),
            longest=int(lengths.max()),
            from_cache=self._encoded.from_cache,
        )

    def __len__(self) -> int:
        return len(self._kept)

    def experiences(self, picks: Sequence[tuple[int, int]]) -> list[Experience]:
        """Return rows as experiences.

        Args:
            picks: ``(epoch, row)`` of each, with row counted among the kept rows.

        Returns:
            One experience for each pick, in the same order: tokens int32 ``[T]``, action_mask bool
            ``[T - prompt_length]``, ``info`` with the set's name and the source row, and an eid
            that is the same in every run. ``truncate_status`` marks a cut response.
        """
        if not picks:
            return []
        rows = np.array([row for _, row in picks])
        source_rows = self._kept[rows]
        repeats = rows - np.searchsorted(self._kept, source_rows)
        return [
            self._experience(row, int(source_row), epoch, int(repeat))
            for row, source_row, (epoch, _), repeat in zip(
                self._encoded.at(source_rows), source_rows, picks, repeats, strict=True
            )
        ]

    def fillers(self, count: int) -> list[Experience]:
        """Return rows that only fill up a batch and are not learned.

        Args:
            count: Number of rows.

        Returns:
            ``count`` experiences of the kept row with the shortest prompt, cut to one response
            token to cost as little as possible.
        """
        (row,) = self._encoded.at([self._filler])
        return [
            Experience(
                eid=EID(batch="expert", task=f"{self._name}/filler", run=number, suffix="filler"),
                tokens=_tensor(row["tokens"], self.shortest_prompt + 1),
                prompt_length=self.shortest_prompt,
                multi_modal_inputs=_image_inputs(row, self.shortest_prompt + 1),
                info={"expert_set": self._name, "expert_index": self._filler},
            )
            for number in range(count)
        ]

    def _experience(self, row: EncodedRow, source_row: int, epoch: int, repeat: int) -> Experience:
        limit, prompt_length, mask = self._max_model_len, row["prompt_length"], row["action_mask"]
        suffix = f"e{epoch}" + (f"r{repeat}" if repeat else "")
        return Experience(
            eid=EID(batch="expert", task=f"{self._name}/{source_row}", run=epoch, suffix=suffix),
            tokens=_tensor(row["tokens"], limit),
            prompt_length=prompt_length,
            action_mask=None if mask is None else _tensor(mask, limit - prompt_length),
            multi_modal_inputs=_image_inputs(row, limit),
            truncate_status="response_truncated" if row["length"] > limit else None,
            info={"expert_set": self._name, "expert_index": source_row},
        )


def _repeated(fitting: npt.NDArray[np.int64], expert_set: ExpertSet) -> npt.NDArray[np.int64]:
    """Return the rows that fit, ascending, each as often as its score earns."""
    if expert_set.quality is None:
        return fitting
    scores = read_scores(expert_set, expert_set.quality.key)
    kept = np.repeat(fitting, appearances(scores, expert_set.quality.percentiles)[fitting])
    if len(kept) == 0:
        raise ExpertDataError(
            f"{expert_set}: none of the {len(fitting):,} rows that fit into `max_model_len` "
            f"reaches one of the percentiles {list(expert_set.quality.percentiles)} of "
            f"{expert_set.quality.key!r}, which are computed over all {len(scores):,} rows. Lower "
            "the percentiles or raise `max_model_len`."
        )
    return kept


def _keys(
    expert_set: ExpertSet, settings: StreamSettings, kept: npt.NDArray[np.int64]
) -> list[str]:
    """Return the key of each kept row, none if rows are not read by key."""
    if settings.pair_by is None:
        return []
    if settings.pair_by.column is None:
        return [str(row) for row in kept]
    keys = read_keys(expert_set, settings.pair_by.column)
    return [keys[row] for row in kept]


def _image_inputs(row: EncodedRow, limit: int) -> dict[str, torch.Tensor] | None:
    return None if row["image_inputs"] is None else unpack(row["image_inputs"], limit)


def _tensor(values: npt.NDArray[Any], limit: int) -> torch.Tensor:
    """Copy the first ``limit`` values out of the memory map."""
    return torch.from_numpy(np.array(values[:limit]))
