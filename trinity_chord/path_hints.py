"""What lies near a path that does not exist, for messages."""

from __future__ import annotations

from pathlib import Path

LISTED = 12


def neighbours(path: str | Path) -> str:
    """Names the nearest folder that exists and lists the first of what is in it."""
    ancestor = Path(path).absolute().parent
    while not ancestor.is_dir():
        ancestor = ancestor.parent
    names = sorted(entry.name + "/" * entry.is_dir() for entry in ancestor.iterdir())
    listed = ", ".join(names[:LISTED]) or "nothing"
    more = len(names) - LISTED
    return f"In {ancestor} there is: {listed}" + (f" and {more} more." if more > 0 else ".")
