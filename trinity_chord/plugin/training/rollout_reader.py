"""Reads on-policy rows so that an incomplete batch loses none of them."""

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
    """Reads batches from Trinity's experience buffer; rows that are given back come again.

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
        """Reads the rows of a batch.

        Raises:
            StopAsyncIteration: The buffer is closed and used up.
            TimeoutError: They did not come in time; the next read goes on waiting for them.
        """
        while len(self.kept) < self.rows:
            self.kept.extend(await self.reader.read(batch_size=self.rows - len(self.kept)))
        batch, self.kept = self.kept[: self.rows], self.kept[self.rows :]
        return batch

    def give_back(self, batch: list[Experience]) -> None:
        """Puts rows back that could not be used; the next read begins with them."""
        self.kept = [*batch, *self.kept]

    def state_dict(self) -> dict[str, Any]:
        """Returns the state of Trinity's reader."""
        return self.reader.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues where `state_dict` was taken."""
        self.reader.load_state_dict(state)


class _PatientQueueReader(QueueReader):
    """Trinity's queue reader with a request that outlives its time limit.

    When the time of a request is up, Trinity's queue drops the rows that it has gathered for it.
    So a request has no limit there; the limit is kept here, and the next read takes the request up
    again.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.answer: asyncio.Future[bytes] | None = None

    async def read(self, batch_size: int | None = None, **kwargs: Any) -> list[Experience]:
        if self.answer is None:
            wanted = self.read_batch_size if batch_size is None else batch_size
            request = self.queue.get_batch.remote(wanted, timeout=math.inf, **kwargs)
            self.answer = asyncio.wrap_future(request.future())
        await asyncio.wait({self.answer}, timeout=self.timeout)
        if not self.answer.done():
            raise TimeoutError(
                f"the on-policy rows of a batch ({self.read_batch_size}) did not come in "
                f"{self.timeout} s (`buffer.trainer_input.experience_buffer.max_read_timeout`); "
                "the explorer makes fewer rows than a train batch takes, or its workflow hangs. "
                "Those that came are kept for the next read."
            )
        answer, self.answer = self.answer, None
        try:
            payload = answer.result()
        except Exception as error:
            # Ray raises it as it is or as the cause of another error.
            if isinstance(error, StopAsyncIteration) or isinstance(
                error.__cause__, StopAsyncIteration
            ):
                raise StopAsyncIteration from error
            raise
        return Experience.deserialize_many(payload)
