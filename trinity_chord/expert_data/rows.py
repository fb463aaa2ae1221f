"""The usable rows of one expert set, as Trinity's experiences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from trinity.common.experience import EID, Experience

from trinity_chord.expert_data.cache import encoded_rows
from trinity_chord.expert_data.columns import read_keys, read_scores
from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.fingerprint import digest
from trinity_chord.expert_data.lengths import select_rows
from trinity_chord.expert_data.quality import appearances
from trinity_chord.expert_data.report import SetReport
from trinity_chord.expert_data.settings import ExpertSet, StreamSettings


class ExpertRows:
    """The rows of one set that fit into ``max_model_len``, as often as they appear, memory-mapped.

    Args:
        expert_set: The set.
        settings: The stream's settings.
        cache_dir: Folder of the token cache.

    Attributes:
        report: What became of the set's rows.
        fingerprint: Fingerprint of the tokens, of which rows are kept and of how often each
            appears; it does not depend on where the data lies nor on the versions of packages.
        keys: The key of each kept row, empty where ``pair_by`` is None.
        shortest_prompt: The fewest tokens of a kept row's prompt.

    Raises:
        ExpertDataError: The set cannot be opened or used.
    """

    def __init__(self, expert_set: ExpertSet, settings: StreamSettings, cache_dir: Path) -> None:
        encoded = encoded_rows(expert_set, settings.tokenizer_path, cache_dir)
        columns = encoded.rows.with_format("arrow")
        lengths = columns["length"][:].to_numpy()
        prompt_lengths = columns["prompt_length"][:].to_numpy()
        fitting = select_rows(
            lengths,
            prompt_lengths,
            settings.max_model_len,
            settings.overlong,
            f"expert set {expert_set.name!r} ({expert_set.path})",
        )
        self._name = expert_set.name
        self._max_model_len = settings.max_model_len
        self._rows = columns
        self._kept = kept = _repeated(fitting, expert_set)
        self.fingerprint = digest([encoded.content, kept.tobytes().hex()])
        self.keys = _keys(expert_set, settings, kept)
        self._filler = int(kept[prompt_lengths[kept].argmin()])
        self.shortest_prompt = int(prompt_lengths[self._filler])
        self.report = SetReport(
            name=expert_set.name,
            rows_read=len(lengths),
            kept=len(kept),
            dropped=len(lengths) - len(fitting),
            below=len(fitting) - len(np.unique(kept)),
            repeats=len(kept) - len(np.unique(kept)),
            cut=int((lengths[kept] > settings.max_model_len).sum()),
            tokens=int(np.minimum(lengths[kept], settings.max_model_len).sum(dtype=np.int64)),
            shortest=int(lengths.min()),
            longest=int(lengths.max()),
            from_cache=encoded.from_cache,
        )

    def __len__(self) -> int:
        return len(self._kept)

    def experiences(self, picks: Sequence[tuple[int, int]]) -> list[Experience]:
        """Return rows as experiences.

        Args:
            picks: ``(epoch, row)`` of each, with row counted among the kept rows.

        Returns:
            One experience each, in the order of ``picks``: tokens int32 ``[T]``, action_mask bool
            ``[T - prompt_length]``, ``info`` with the set's name and the source row, and an eid
            that is the same in each run. ``truncate_status`` tells of a cut response.
        """
        if not picks:
            return []
        rows = np.array([row for _, row in picks])
        source_rows = self._kept[rows]
        repeats = rows - np.searchsorted(self._kept, source_rows)
        table: pa.Table = self._rows[source_rows]
        return [
            self._experience(table, i, int(source_rows[i]), epoch, int(repeats[i]))
            for i, (epoch, _) in enumerate(picks)
        ]

    def fillers(self, count: int) -> list[Experience]:
        """Return rows that only fill a batch up and are not to be learnt.

        Args:
            count: How many.

        Returns:
            ``count`` experiences of the kept row with the shortest prompt, cut to one token of
            its response, so that they cost as little as a row can.
        """
        table: pa.Table = self._rows[[self._filler]]
        length = self.shortest_prompt + 1
        return [
            Experience(
                eid=EID(batch="expert", task=f"{self._name}/filler", run=number, suffix="filler"),
                tokens=_tensor(table["tokens"][0], length),
                prompt_length=self.shortest_prompt,
                info={"expert_set": self._name, "expert_index": self._filler},
            )
            for number in range(count)
        ]

    def _experience(
        self, table: pa.Table, i: int, source_row: int, epoch: int, repeat: int
    ) -> Experience:
        limit = self._max_model_len
        tokens = _tensor(table["tokens"][i], limit)
        prompt_length = table["prompt_length"][i].as_py()
        mask = table["action_mask"][i]
        cut = table["length"][i].as_py() > limit
        suffix = f"e{epoch}" + (f"r{repeat}" if repeat else "")
        return Experience(
            eid=EID(batch="expert", task=f"{self._name}/{source_row}", run=epoch, suffix=suffix),
            tokens=tokens,
            prompt_length=prompt_length,
            action_mask=_tensor(mask, limit - prompt_length) if mask.is_valid else None,
            truncate_status="response_truncated" if cut else None,
            info={"expert_set": self._name, "expert_index": source_row},
        )


def _repeated(fitting: np.ndarray, expert_set: ExpertSet) -> np.ndarray:
    """Return the rows that fit, ascending, each as often as its score earns."""
    if expert_set.quality is None:
        return fitting
    scores = read_scores(expert_set, expert_set.quality.key)
    kept = np.repeat(fitting, appearances(scores, expert_set.quality.percentiles)[fitting])
    if len(kept) == 0:
        raise ExpertDataError(
            f"expert set {expert_set.name!r} ({expert_set.path}): none of the {len(fitting):,} "
            f"rows that fit into max_model_len reaches one of the percentiles "
            f"{list(expert_set.quality.percentiles)} of {expert_set.quality.key!r}, which are "
            f"those of all {len(scores):,} rows. Lower the percentiles or raise max_model_len."
        )
    return kept


def _keys(expert_set: ExpertSet, settings: StreamSettings, kept: np.ndarray) -> list[str]:
    if settings.pair_by is None:
        return []
    if settings.pair_by.column is None:
        return [str(row) for row in kept]
    keys = read_keys(expert_set, settings.pair_by.column)
    return [keys[row] for row in kept]


def _tensor(values: pa.ListScalar, limit: int) -> torch.Tensor:
    """Copy the first ``limit`` values out of the memory map."""
    array = values.values.slice(0, limit).to_numpy(zero_copy_only=False)
    return torch.from_numpy(np.array(array))
