"""The error of `trinity-chord prepare`."""

from __future__ import annotations

from trinity_chord.errors import ChordError


def first_line(error: BaseException) -> str:
    """Return the class and the first line of another library's error."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__


class PrepareError(ChordError, ValueError):
    """A set cannot be prepared with these data, arguments or this folder."""
