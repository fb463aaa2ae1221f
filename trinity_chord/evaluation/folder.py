"""The output folder of an evaluation: one process at a time, complete lines, the same settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.locks import exclusive

LOCK = ".lock"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep a second evaluation out of a folder, which is created if missing.

    Raises:
        EvaluationError: Another evaluation is running there, or the folder cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EvaluationError(f"--out {folder}: {error}") from error
    busy = EvaluationError(f"--out {folder}: another evaluation is writing here")
    with exclusive(folder / LOCK, busy):
        yield


def drop_half_line(path: Path) -> None:
    """Remove an incomplete last line, left by an evaluation that was stopped while writing."""
    if not path.exists():
        return
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def differences(kept: Mapping[str, Any], now: Mapping[str, Any], of: str = "") -> list[str]:
    """Return one text per setting whose value differs; a missing setting counts as None.

    Args:
        kept: The settings in the folder.
        now: The settings of this evaluation.
        of: Text after each key, such as " of aime24".
    """
    return [
        f"{key}{of}: {kept.get(key)!r} there, {now.get(key)!r} now"
        for key in dict.fromkeys([*kept, *now])
        if kept.get(key) != now.get(key)
    ]


def other_settings(folder: Path, differing: list[str]) -> EvaluationError:
    """Return the error for a folder that holds an evaluation with other settings."""
    return EvaluationError.from_problems(
        f"--out {folder} holds an evaluation with other settings",
        differing,
        "Use another folder, or the same settings to resume.",
        limit=None,
    )
