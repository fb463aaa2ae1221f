"""Reads on-policy rows so that an incomplete batch loses none of them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from trinity.buffer import get_buffer_reader
from trinity.buffer.reader.queue_reader import QueueReader
from trinity.common.constants import StorageType
from trinity.common.experience import Experience


class RolloutReader:
    """Reads batches from Trinity's experience buffer and keeps what does not make a batch.

    Trinity's queue reader throws away the rows that it got when a batch does not come together
    in time; here they wait for the next read.

    Args:
        buffer: `buffer.trainer_input.experience_buffer`.
    """

    def __init__(self, buffer: Any) -> None:
        self.kept: list[Experience] = []
        storage = deepcopy(buffer).to_storage_config()
        if storage.storage_type == StorageType.QUEUE.value:
            self.reader: Any = _KeepingQueueReader(storage, self.kept)
        else:
            self.reader = get_buffer_reader(storage)

    async def read(self, rows: int) -> list[Experience]:
        """Reads exactly ``rows`` rows.

        Raises:
            StopAsyncIteration: The buffer is closed and used up.
            TimeoutError: They did not come in time; those that came are kept.
        """
        if len(self.kept) < rows:
            self.kept.extend(await self.reader.read(batch_size=rows - len(self.kept)))
        batch, self.kept[:] = self.kept[:rows], self.kept[rows:]
        return batch

    def give_back(self, batch: list[Experience]) -> None:
        """Puts rows back that could not be used; the next read begins with them."""
        self.kept[:0] = batch

    def state_dict(self) -> dict[str, Any]:
        """Returns the state of Trinity's reader."""
        return self.reader.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues where `state_dict` was taken."""
        self.reader.load_state_dict(state)


class _KeepingQueueReader(QueueReader):
    """Trinity's queue reader, which hands an incomplete batch over before it gives up."""

    def __init__(self, config: Any, kept: list[Experience]) -> None:
        super().__init__(config)
        self.kept = kept

    async def read(self, batch_size: int | None = None, **kwargs: Any) -> list[Experience]:
        wanted = self.read_batch_size if batch_size is None else batch_size
        try:
            payload = await self.queue.get_batch.remote(wanted, timeout=self.timeout, **kwargs)
        except Exception as error:
            if isinstance(getattr(error, "cause", error), StopAsyncIteration):
                raise StopAsyncIteration from error
            raise
        rows = Experience.deserialize_many(payload)
        if len(rows) == wanted:
            return rows
        self.kept.extend(rows)
        raise TimeoutError(
            f"only {len(self.kept)} on-policy rows came in {self.timeout} s; the explorer makes "
            "fewer rows than a train batch takes, or its workflow hangs. The rows are kept."
        )
