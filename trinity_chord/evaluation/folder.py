"""The folder of an evaluation: one process at a time, and no half-written lines."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trinity_chord.evaluation.errors import EvaluationError

LOCK = ".lock"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep a second evaluation out of a folder, which is made where it is missing.

    Raises:
        EvaluationError: There is one already, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("w")
    except OSError as error:
        raise EvaluationError(f"--out {folder}: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EvaluationError(f"--out {folder}: another evaluation is writing here") from error
        yield


def drop_half_line(path: Path) -> None:
    """Cut off the line that was being written when an evaluation was stopped, if there is one."""
    if not path.exists():
        return
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)
