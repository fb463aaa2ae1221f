"""Hints for messages about a path that does not exist."""

from __future__ import annotations

from pathlib import Path

LISTED = 12


def list_nearby(path: str | Path) -> str:
    """Return a sentence that names the nearest existing folder and the first of its entries."""
    ancestor = Path(path).absolute().parent
    while not ancestor.is_dir():
        ancestor = ancestor.parent
    names = sorted(entry.name + "/" * entry.is_dir() for entry in ancestor.iterdir())
    listed = ", ".join(names[:LISTED]) or "nothing"
    more = len(names) - LISTED
    return f"{ancestor} contains: {listed}" + (f" and {more} more." if more > 0 else ".")
