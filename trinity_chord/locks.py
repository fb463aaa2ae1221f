"""A lock file that keeps a second process out of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from trinity_chord.errors import ChordError


@contextmanager
def exclusive(lock: Path, busy: ChordError) -> Iterator[None]:
    """Hold a lock file for the block.

    Args:
        lock: The lock file; created if missing. Its folder must exist.
        busy: Raised at once if another process holds the lock.

    Raises:
        ChordError: ``busy``.
    """
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout as error:
        raise busy from error
    try:
        yield
    finally:
        held.release()
