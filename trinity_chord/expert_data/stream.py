"""The expert stream: batches of rows from one or several sets."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trinity.common.experience import Experience
from trinity.utils.log import get_logger

from trinity_chord.expert_data.errors import ExpertDataError, ExpertDataExhaustedError
from trinity_chord.expert_data.order import RowOrder
from trinity_chord.expert_data.pairs import PairIndex
from trinity_chord.expert_data.report import StreamReport
from trinity_chord.expert_data.rows import ExpertRows
from trinity_chord.expert_data.settings import ExpertSet, StreamSettings, check_sets
from trinity_chord.expert_data.shares import Shares
from trinity_chord.expert_data.state import DAMAGED, SetIdentity, from_state, to_state


class ExpertStream:
    """Batches of expert rows from one or several sets.

    All rows are checked and tokenized (or found in the cache) when the stream is created, so that
    a bad row is reported before a run starts. The sequence of rows depends only on the data, the
    settings and how many rows were read before, not on the batch sizes, the process or the machine.

    In addition to this sequence, rows can be read by key (``StreamSettings.pair_by``): the rows of
    a key take turns, and reading them does not advance the sequence.

    Args:
        sets: The sets, with different names.
        settings: The settings that all sets share.

    Attributes:
        report: How many rows of each set are kept, dropped, cut and repeated.

    Raises:
        ExpertDataError: A set cannot be opened or used; the message locates every problem.
    """

    def __init__(self, sets: Sequence[ExpertSet], settings: StreamSettings) -> None:
        check_sets(sets)
        self._sets = list(sets)
        self._settings = settings
        if settings.cache_dir is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="expert-tokens-")
            cache_dir = Path(self._temporary.name)
        else:
            cache_dir = Path(settings.cache_dir)
        self._rows = [ExpertRows(expert_set, settings, cache_dir) for expert_set in self._sets]
        self.report = StreamReport(tuple(rows.report for rows in self._rows))
        get_logger(__name__, in_ray_actor=True).info("%s", self.report)
        self._orders = [
            RowOrder(len(rows), settings.seed, expert_set.name)
            for expert_set, rows in zip(self._sets, self._rows, strict=True)
        ]
        self._shares = Shares([expert_set.share for expert_set in self._sets])
        self._taken = [0] * len(self._sets)
        self._pairs = PairIndex([rows.keys for rows in self._rows])
        self._visits: dict[str, int] = {}
        self._reading = asyncio.Lock()

    async def read(self, n: int) -> list[Experience]:
        """Return the next ``n`` rows without blocking the event loop.

        The position advances only when the batch is complete: a cancelled or failed read loses
        nothing. Overlapping reads are served one after the other.

        Args:
            n: Number of rows, 0 or more.

        Returns:
            ``n`` experiences, as described in ``ExpertRows.experiences``.

        Raises:
            StopAsyncIteration: The data is exhausted and ``at_end`` is ``'stop'``.
            ExpertDataExhaustedError: The data is exhausted and ``at_end`` is ``'error'``.
        """
        async with self._reading:
            batch, self._taken = await asyncio.to_thread(self._prepare, n)
            return batch

    def has(self, key: str) -> bool:
        """Return whether a row has the key; always False without ``StreamSettings.pair_by``."""
        return key in self._pairs

    def visits(self, key: str) -> int:
        """Return the number of rows read by the key."""
        return self._visits.get(key, 0)

    async def read_for(self, keys: Sequence[str | None]) -> list[Experience]:
        """Return one row for each key: the key's next row, or for None the next of the sequence.

        As with ``read``, nothing advances unless all rows are complete.

        Args:
            keys: Keys of rows, or None.

        Returns:
            One experience for each key, in the same order.

        Raises:
            KeyError: No row has one of the keys.
            StopAsyncIteration: As with ``read``.
            ExpertDataExhaustedError: As with ``read``.
        """
        async with self._reading:
            batch, self._taken, visits = await asyncio.to_thread(self._prepare_for, keys)
            self._visits.update(visits)
            return batch

    def fillers(self, count: int) -> list[Experience]:
        """Return rows that only fill up a batch, as described in ``ExpertRows.fillers``."""
        return min(self._rows, key=lambda rows: rows.shortest_prompt).fillers(count)

    def state_dict(self) -> dict[str, Any]:
        """Return the position and everything it depends on as a value that JSON can hold."""
        state = to_state(self._taken, self._identities())
        if self._settings.pair_by is not None:
            state["pairs"] = self._pairs.to_state(self._visits)
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from a saved position.

        Args:
            state: The result of ``state_dict``, or the state of Trinity's own reader,
                ``{"current_index": k}``, which means that k rows were read.

        Raises:
            ExpertDataError: The state belongs to other data, seed, shares, keys or row counts, or
                is damaged. The stream is unchanged.
        """
        if "current_index" in state:
            taken = self._taken_after(state["current_index"])
        else:
            taken = from_state(state, self._identities())
        visits = self._pairs.from_state(state["pairs"]) if "pairs" in state else {}
        self._taken, self._visits = taken, visits

    def metrics(self) -> dict[str, float]:
        """Return the progress of the stream.

        Returns:
            ``expert_data/rows_read`` and ``expert_data/epoch`` (passes over the kept rows, with
            fractions) of the sequence, with several sets also as ``expert_data/<name>/...``, and
            ``expert_data/pairs_read`` if rows are read by key.
        """
        metrics = _progress("expert_data", sum(self._taken), sum(map(len, self._rows)))
        if len(self._sets) > 1:
            for expert_set, taken, rows in zip(self._sets, self._taken, self._rows, strict=True):
                metrics |= _progress(f"expert_data/{expert_set.name}", taken, len(rows))
        if self._settings.pair_by is not None:
            metrics["expert_data/pairs_read"] = float(sum(self._visits.values()))
        return metrics

    def _prepare(self, n: int) -> tuple[list[Experience], list[int]]:
        """Return the next batch and the position after it, without advancing."""
        if n < 0:
            raise ValueError(f"size of the batch: got {n} expert rows, expected 0 or more")
        sequence = self._shares.next_sets(self._taken, n)
        taken = [count + sequence.count(number) for number, count in enumerate(self._taken)]
        self._check_end(taken, n)
        batches = [
            iter(rows.experiences([order.at(count) for count in range(before, after)]))
            for rows, order, before, after in zip(
                self._rows, self._orders, self._taken, taken, strict=True
            )
        ]
        return [next(batches[number]) for number in sequence], taken

    def _prepare_for(
        self, keys: Sequence[str | None]
    ) -> tuple[list[Experience], list[int], dict[str, int]]:
        """Return a row for each key, and the position and visits after them, without advancing."""
        unpaired, taken = self._prepare(keys.count(None))
        visits: dict[str, int] = {}
        picks = []
        for key in keys:
            if key is not None:
                visit = visits.get(key, self.visits(key))
                visits[key] = visit + 1
                picks.append(self._pairs.at(key, visit))
        paired = [
            iter(rows.experiences([pick[1:] for pick in picks if pick[0] == number]))
            for number, rows in enumerate(self._rows)
        ]
        by_key = (next(paired[number]) for number, _, _ in picks)
        in_sequence = iter(unpaired)
        return [next(in_sequence if key is None else by_key) for key in keys], taken, visits

    def _check_end(self, taken: Sequence[int], n: int) -> None:
        """Raise if a batch of ``n`` rows that ends at ``taken`` passes the end of a set."""
        if self._settings.at_end == "cycle":
            return
        for expert_set, before, after, rows in zip(
            self._sets, self._taken, taken, self._rows, strict=True
        ):
            if after <= len(rows):
                continue
            text = (
                f"expert set {expert_set.name!r} is exhausted: {before:,} of its {len(rows):,} "
                f"rows (one epoch) were read, and a batch of {n:,} needs {after - before:,} more; "
                "set `at_end` to 'cycle' for further epochs, train for fewer steps, or add data"
            )
            if self._settings.at_end == "stop":
                raise StopAsyncIteration(text)
            raise ExpertDataExhaustedError(text)

    def _taken_after(self, total: Any) -> list[int]:
        if not isinstance(total, int) or total < 0:
            raise ExpertDataError(
                f"saved expert state: `current_index`: got {total!r}, expected a whole number, 0 "
                f"or more. {DAMAGED}"
            )
        sequence = self._shares.next_sets([0] * len(self._sets), total)
        return [sequence.count(number) for number in range(len(self._sets))]

    def _identities(self) -> dict[str, SetIdentity]:
        return {
            expert_set.name: SetIdentity(
                len(rows), self._settings.seed, expert_set.share, rows.fingerprint
            )
            for expert_set, rows in zip(self._sets, self._rows, strict=True)
        }


def _progress(prefix: str, taken: int, rows: int) -> dict[str, float]:
    return {f"{prefix}/rows_read": float(taken), f"{prefix}/epoch": taken / rows}
