"""The peak memory of a process and all that descend from it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


class PeakMemory:
    """The highest total seen, in bytes; shared pages count once, where Linux tells."""

    def __init__(self) -> None:
        self.bytes = 0

    def look(self) -> None:
        """Adds up the memory of this process and its descendants now."""
        me = psutil.Process()
        self.bytes = max(self.bytes, sum(map(_memory, [me, *me.children(recursive=True)])))


@contextmanager
def watch_memory(seconds: float = 2.0) -> Iterator[PeakMemory]:
    """Looks at the memory every few seconds for the time of a `with` block."""
    peak = PeakMemory()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(seconds):
            peak.look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        peak.look()
        over.set()
        thread.join()


def _memory(process: psutil.Process) -> int:
    """Proportional set size in bytes, the resident set where there is none, 0 once it has ended."""
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if "Pss:" in line)
    except (OSError, StopIteration):
        return _resident(process)


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
