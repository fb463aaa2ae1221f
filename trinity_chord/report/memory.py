"""The peak memory of a process and all its descendants."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


class PeakMemory:
    """The highest total measured so far; on Linux, shared pages count once.

    Attributes:
        bytes: The peak in bytes.
    """

    def __init__(self) -> None:
        self.bytes = 0

    def measure(self) -> None:
        """Measure the memory of this process and its descendants now."""
        me = psutil.Process()
        self.bytes = max(self.bytes, sum(map(_memory, [me, *me.children(recursive=True)])))


@contextmanager
def watch_memory(seconds: float = 2.0) -> Iterator[PeakMemory]:
    """Measure the memory regularly during a `with` block, and once at its end.

    Args:
        seconds: Seconds between two measurements.

    Yields:
        The peak so far.
    """
    peak = PeakMemory()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(seconds):
            peak.measure()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        peak.measure()
        over.set()
        thread.join()


def _memory(process: psutil.Process) -> int:
    """Return a process's proportional set size in bytes, or its resident set if unknown."""
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if "Pss:" in line)
    except (OSError, StopIteration):
        return _resident(process)


def _resident(process: psutil.Process) -> int:
    """Return a process's resident set in bytes, 0 if it has ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
