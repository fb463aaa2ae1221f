"""A pool of processes that answer requests; see `json_process`."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from trinity_chord.json_process import Failure, JsonProcess


class ProcessPool:
    """A few processes, each started when it is first needed and kept until it ends.

    Safe to use from any thread. After a fork, the child starts its own processes.

    Args:
        start: Starts a process.
        workers: Number of processes, and so of simultaneous requests.
    """

    def __init__(self, start: Callable[[], JsonProcess], workers: int) -> None:
        self._start = start
        self._workers = workers
        self._begin()
        _POOLS.add(self)

    def ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any] | Failure:
        """Return the reply of a process to a request, or why there is none.

        Args:
            request: JSON values.
            timeout: Time limit in seconds.

        Raises:
            ProcessError: No process can be started.
        """
        with self._slots:
            process = self._take()
            try:
                reply = process.ask(request, timeout)
            except BaseException:  # Such as Ctrl-C: no one will read the pending reply.
                process.end()
                raise
            if process.alive:
                self._idle.append(process)
            return reply

    def close(self) -> None:
        """End the idle processes. A later request starts a new one."""
        while self._idle:
            self._idle.pop().end()

    def _take(self) -> JsonProcess:
        while True:
            try:
                process = self._idle.pop()
            except IndexError:
                return self._start()
            if process.alive:
                return process
            process.end()

    def _begin(self) -> None:
        self._idle: list[JsonProcess] = []
        self._slots = threading.BoundedSemaphore(self._workers)


_POOLS: weakref.WeakSet[ProcessPool] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for pool in list(_POOLS):
        pool.close()


def _begin_all() -> None:
    """Reset after a fork: the processes belong to the parent, and locks may be held."""
    for pool in list(_POOLS):
        pool._begin()


os.register_at_fork(after_in_child=_begin_all)
