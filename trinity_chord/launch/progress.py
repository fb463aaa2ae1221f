"""Whether a run still makes progress: new rollouts, steps or checkpoints in its folders."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

# Above Trinity's own limits: three attempts of 30 minutes per task, an hour for a weight sync.
STALL_MINUTES = 120.0
LOOK_SECONDS = 20.0
NOT_PROGRESS = ("log",)  # A run that hangs may still log.


class ProgressWatch:
    """Measures how long the folders of a run have not changed.

    Explorer and trainer write there whatever they make: rollouts, metrics and checkpoints.

    Args:
        folders: The folders of the run's jobs.
        clock: The time in seconds.
    """

    def __init__(
        self, folders: Iterable[Path], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folders = list(folders)
        self._clock = clock
        self._seen = self._state()
        self._looked = self._changed = clock()

    def idle_seconds(self) -> float:
        """Return the seconds since the last change that was seen."""
        now = self._clock()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            state = self._state()
            if state != self._seen:
                self._seen, self._changed = state, now
        return now - self._changed

    def _state(self) -> tuple[int, int]:
        """Return the time of the newest file, in nanoseconds, and the number of files."""
        times = [stamp for folder in self._folders for stamp in _times(folder)]
        return max(times, default=0), len(times)


def _times(folder: Path) -> Iterable[int]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_PROGRESS]
        for name in files:
            try:
                yield os.stat(os.path.join(parent, name)).st_mtime_ns
            except FileNotFoundError:  # Removed since it was listed.
                continue
