"""The folder of an evaluation: one process at a time, and no half-written lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.locks import exclusive

LOCK = ".lock"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep a second evaluation out of a folder, which is made where it is missing.

    Raises:
        EvaluationError: There is one already, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EvaluationError(f"--out {folder}: {error}") from error
    busy = EvaluationError(f"--out {folder}: another evaluation is writing here")
    with exclusive(folder / LOCK, busy):
        yield


def drop_half_line(path: Path) -> None:
    """Cut off the line that was being written when an evaluation was stopped, if there is one."""
    if not path.exists():
        return
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)
