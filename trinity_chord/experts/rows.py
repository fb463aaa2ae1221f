"""The usable rows of one expert set, as Trinity's experiences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from trinity.common.experience import EID, Experience

from trinity_chord.experts.cache import encoded_rows
from trinity_chord.experts.fingerprint import digest
from trinity_chord.experts.lengths import select_rows
from trinity_chord.experts.report import SetReport
from trinity_chord.experts.settings import ExpertSet, StreamSettings


class ExpertRows:
    """The rows of one set that fit into ``max_model_len``, memory-mapped.

    Args:
        expert_set: The set.
        settings: The stream's settings.
        cache_dir: Folder of the token cache.

    Attributes:
        report: What became of the set's rows.
        fingerprint: Fingerprint of the tokens and of which rows are kept; it does not depend on
            where the data lies nor on the versions of packages.

    Raises:
        ExpertDataError: The set cannot be opened or used.
    """

    def __init__(self, expert_set: ExpertSet, settings: StreamSettings, cache_dir: Path) -> None:
        encoded = encoded_rows(expert_set, settings.tokenizer_path, cache_dir)
        columns = encoded.rows.with_format("arrow")
        lengths = columns["length"][:].to_numpy()
        selection = select_rows(
            lengths,
            columns["prompt_length"][:].to_numpy(),
            settings.max_model_len,
            settings.overlong,
            f"expert set {expert_set.name!r} ({expert_set.path})",
        )
        self._name = expert_set.name
        self._max_model_len = settings.max_model_len
        self._rows = columns
        self._kept = selection.kept
        self.fingerprint = digest([encoded.content, selection.kept.tobytes().hex()])
        self.report = SetReport(
            name=expert_set.name,
            rows_read=len(lengths),
            kept=len(selection.kept),
            dropped=selection.dropped,
            cut=selection.cut,
            tokens=selection.tokens,
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
        source_rows = self._kept[[row for _, row in picks]]
        table: pa.Table = self._rows[source_rows]
        return [
            self._experience(table, i, int(source_row), epoch)
            for i, ((epoch, _), source_row) in enumerate(zip(picks, source_rows, strict=True))
        ]

    def _experience(self, table: pa.Table, i: int, source_row: int, epoch: int) -> Experience:
        limit = self._max_model_len
        tokens = _tensor(table["tokens"][i], limit)
        prompt_length = table["prompt_length"][i].as_py()
        mask = table["action_mask"][i]
        cut = table["length"][i].as_py() > limit
        return Experience(
            eid=EID(
                batch="expert", task=f"{self._name}/{source_row}", run=epoch, suffix=f"e{epoch}"
            ),
            tokens=tokens,
            prompt_length=prompt_length,
            action_mask=_tensor(mask, limit - prompt_length) if mask.is_valid else None,
            truncate_status="response_truncated" if cut else None,
            info={"expert_set": self._name, "expert_index": source_row},
        )


def _tensor(values: pa.ListScalar, limit: int) -> torch.Tensor:
    """Copy the first ``limit`` values out of the memory map."""
    array = values.values.slice(0, limit).to_numpy(zero_copy_only=False)
    return torch.from_numpy(np.array(array))
