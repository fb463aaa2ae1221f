"""Reads on-policy rows without losing those of an incomplete batch."""

from __future__ import annotations

import asyncio
import math
from copy import deepcopy
from typing import Any

from trinity.buffer import get_buffer_reader
from trinity.buffer.reader.queue_reader import QueueReader
from trinity.common.constants import StorageType
from trinity.common.experience import Experience


class RolloutReader:
    """Reads batches from Trinity's experience buffer; rows that are given back are read again.

    Args:
        buffer: `buffer.trainer_input.experience_buffer`.
        rows: On-policy rows of a batch.
    """

    def __init__(self, buffer: Any, rows: int) -> None:
        self.rows = rows
        self.kept: list[Experience] = []
        storage = deepcopy(buffer).to_storage_config()
        storage.batch_size = rows
        if storage.storage_type == StorageType.QUEUE.value:
            self.reader: Any = _PatientQueueReader(storage)
        else:
            self.reader = get_buffer_reader(storage)

    async def read(self) -> list[Experience]:
        """Read the rows of a batch.

        Raises:
            StopAsyncIteration: The buffer is closed and exhausted.
            TimeoutError: The rows did not arrive in time; the next read keeps waiting for them.
        """
        while len(self.kept) < self.rows:
            self.kept.extend(await self.reader.read(batch_size=self.rows - len(self.kept)))
        batch, self.kept = self.kept[: self.rows], self.kept[self.rows :]
        return batch

    def give_back(self, batch: list[Experience]) -> None:
        """Put back rows that could not be used; the next read starts with them."""
        self.kept = [*batch, *self.kept]

    def state_dict(self) -> dict[str, Any]:
        """Return the state of Trinity's reader."""
        return self.reader.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from what `state_dict` returned."""
        self.reader.load_state_dict(state)


class _PatientQueueReader(QueueReader):
    """Trinity's queue reader, with requests that outlive the time limit.

    When a request times out, Trinity's queue drops the rows that it has collected for it. So
    requests have no time limit in the queue; the limit is applied here, and the next read waits for
    the same request.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._pending: asyncio.Future[bytes] | None = None

    async def read(self, batch_size: int | None = None, **kwargs: Any) -> list[Experience]:
        if self._pending is None:
            rows = self.read_batch_size if batch_size is None else batch_size
            request = self.queue.get_batch.remote(rows, timeout=math.inf, **kwargs)
            self._pending = asyncio.wrap_future(request.future())
        await asyncio.wait({self._pending}, timeout=self.timeout)
        if not self._pending.done():
            raise TimeoutError(
                "`buffer.trainer_input.experience_buffer.max_read_timeout`: got "
                f"{self.timeout} s, but the {self.read_batch_size} on-policy rows of a batch take "
                "longer; either the explorer makes fewer rows than a train batch takes, or its "
                "workflow hangs. Rows that arrived are kept for the next read."
            )
        pending, self._pending = self._pending, None
        try:
            payload = pending.result()
        except Exception as error:
            # Ray raises it unchanged, or as the cause of another error.
            if isinstance(error, StopAsyncIteration) or isinstance(
                error.__cause__, StopAsyncIteration
            ):
                raise StopAsyncIteration from error
            raise
        return Experience.deserialize_many(payload)
