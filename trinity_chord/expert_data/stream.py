"""The expert stream: rows of several sets, batch after batch."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trinity.common.experience import Experience
from trinity.utils.log import get_logger

from trinity_chord.expert_data.errors import (
    ExpertDataEndedError,
    ExpertDataUsedUpError,
    ExpertStateError,
)
from trinity_chord.expert_data.order import RowOrder
from trinity_chord.expert_data.pairs import PairIndex
from trinity_chord.expert_data.report import StreamReport
from trinity_chord.expert_data.rows import ExpertRows
from trinity_chord.expert_data.settings import ExpertSet, StreamSettings, check_sets
from trinity_chord.expert_data.shares import Shares
from trinity_chord.expert_data.state import SetIdentity, from_state, to_state


class ExpertStream:
    """Batches of expert rows out of one or several sets.

    All rows are checked and tokenised when the stream is made (or found in the cache), so that a
    bad row is told of before a run starts. The rows given depend only on the data, the settings
    and how many were given before: not on the sizes of the batches, the process or the machine.

    Beside these running rows, rows can be read by key (``StreamSettings.pair_by``): each key has
    its own rows, which take turns, and reading one does not move the running rows.

    Args:
        sets: The sets, each with a name of its own.
        settings: What they share.

    Attributes:
        report: What became of the rows of each set.

    Raises:
        ExpertDataError: A set cannot be opened or used; the text lists each problem with its place.
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
        """Return the next ``n`` rows; the event loop stays free meanwhile.

        The position moves only when the batch is complete: a cancelled or failed read loses
        nothing. Reads that overlap are given one after the other.

        Args:
            n: Rows wanted, 0 or more.

        Returns:
            ``n`` experiences, as ``ExpertRows.experiences`` describes them.

        Raises:
            StopAsyncIteration: The data is used up and ``at_end`` is ``'stop'``.
            ExpertDataUsedUpError: The data is used up and ``at_end`` is ``'error'``.
        """
        async with self._reading:
            try:
                batch, taken = await asyncio.to_thread(self._prepare, n)
            except ExpertDataEndedError as error:
                raise StopAsyncIteration(str(error)) from error
            self._taken = taken
            return batch

    def read_now(self, n: int) -> list[Experience]:
        """Return the next ``n`` rows; not to be called while a ``read`` is under way.

        Args:
            n: Rows wanted, 0 or more.

        Raises:
            ExpertDataEndedError: The data is used up and ``at_end`` is ``'stop'``.
            ExpertDataUsedUpError: The data is used up and ``at_end`` is ``'error'``.
        """
        batch, self._taken = self._prepare(n)
        return batch

    def has(self, key: str) -> bool:
        """Return whether a row has the key; never without ``StreamSettings.pair_by``."""
        return key in self._pairs

    def visits(self, key: str) -> int:
        """Return how many rows were read by the key."""
        return self._visits.get(key, 0)

    async def read_for(self, keys: Sequence[str | None]) -> list[Experience]:
        """Return a row for each key: the one whose turn it is, or for None the next running one.

        The position and the turns move only when all rows are there, as with ``read``.

        Args:
            keys: Keys that a row has, or None.

        Returns:
            One experience each, in the order of ``keys``.

        Raises:
            KeyError: No row has one of the keys.
            StopAsyncIteration: As with ``read``.
            ExpertDataUsedUpError: As with ``read``.
        """
        async with self._reading:
            try:
                batch, taken, visits = await asyncio.to_thread(self._prepare_for, keys)
            except ExpertDataEndedError as error:
                raise StopAsyncIteration(str(error)) from error
            self._taken = taken
            self._visits.update(visits)
            return batch

    def fillers(self, count: int) -> list[Experience]:
        """Return rows that only fill a batch up, as ``ExpertRows.fillers`` describes them."""
        return min(self._rows, key=lambda rows: rows.shortest_prompt).fillers(count)

    def state_dict(self) -> dict[str, Any]:
        """Return the position, and what it depends on, as a value that JSON can hold."""
        state = to_state(self._taken, self._identities())
        if self._settings.pair_by is not None:
            state["pairs"] = self._pairs.to_state(self._visits)
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved position.

        Args:
            state: What ``state_dict`` returned, or the state of Trinity's own reader,
                ``{"current_index": k}``, which stands for k rows taken.

        Raises:
            ExpertStateError: The state belongs to other data, seed, shares, keys or row counts.
        """
        if "current_index" in state:
            taken = self._taken_after(state["current_index"])
        else:
            taken = from_state(state, self._identities())
        visits = self._pairs.from_state(state["pairs"]) if "pairs" in state else {}
        self._taken, self._visits = taken, visits

    def metrics(self) -> dict[str, float]:
        """Return how far the stream is.

        Returns:
            ``expert_data/rows_read`` and ``expert_data/epoch`` (passes over the kept rows, with
            fraction) of the running rows; with several sets also ``expert_data/<name>/...`` for
            each. Where rows are read by key also ``expert_data/pairs_read``.
        """
        metrics = _progress("expert_data", sum(self._taken), sum(map(len, self._rows)))
        if len(self._sets) > 1:
            for expert_set, taken, rows in zip(self._sets, self._taken, self._rows, strict=True):
                metrics |= _progress(f"expert_data/{expert_set.name}", taken, len(rows))
        if self._settings.pair_by is not None:
            metrics["expert_data/pairs_read"] = float(sum(self._visits.values()))
        return metrics

    def _prepare(self, n: int) -> tuple[list[Experience], list[int]]:
        """Return the next batch and the position after it, without moving."""
        if n < 0:
            raise ValueError(f"the batch has {n} expert rows, expected 0 or more")
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
        """Return a row for each key, and the position and turns after them, without moving."""
        running, taken = self._prepare(keys.count(None))
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
        in_turn = (next(paired[number]) for number, _, _ in picks)
        following = iter(running)
        return [next(following if key is None else in_turn) for key in keys], taken, visits

    def _check_end(self, taken: Sequence[int], n: int) -> None:
        if self._settings.at_end == "cycle":
            return
        for expert_set, before, after, rows in zip(
            self._sets, self._taken, taken, self._rows, strict=True
        ):
            if after <= len(rows):
                continue
            text = (
                f"expert set {expert_set.name!r} is used up: {before:,} of its {len(rows):,} rows "
                f"(one epoch) were taken, and a batch of {n:,} needs {after - before:,} more. Set "
                "at_end to 'cycle' for further epochs, train for fewer steps, or add data."
            )
            if self._settings.at_end == "stop":
                raise ExpertDataEndedError(text)
            raise ExpertDataUsedUpError(text)

    def _taken_after(self, total: Any) -> list[int]:
        if not isinstance(total, int) or total < 0:
            raise ExpertStateError(
                f"current_index of the saved expert state is {total!r}, expected a whole number of "
                "0 or more. The state is damaged: resume from another checkpoint."
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
