"""Keys that Trinity 0.6 does not have: it refuses a file that has one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from trinity_chord.errors import did_you_mean
from trinity_chord.migrate.document import Document
from trinity_chord.migrate.migration import Migration


def lose_unknown_keys(migration: Migration) -> None:
    """Remove every key that Trinity does not have, and list it."""
    from trinity.common.config import Config

    for key, known in list(_unknown(migration.document, "", Config)):
        hint = did_you_mean(key.rpartition(".")[2], known)
        migration.lose(key, f"Trinity 0.6 has no such key; {hint}".rstrip("; "))


def _unknown(document: Document, key: str, kind: Any) -> Iterator[tuple[str, list[str]]]:
    """Yield each unknown key below a key, with the keys that Trinity has in its place.

    Args:
        document: The document.
        key: The dotted key; the root if empty.
        kind: The type of its value.
    """
    names = document.keys(key)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        known = [field.name for field in fields(kind)]
        for name in names:
            path = f"{key}.{name}" if key else str(name)
            if name in known:
                yield from _unknown(document, path, hints[str(name)])
            else:
                yield path, known
        return
    inner = [each for each in get_args(kind) if each is not type(None)]
    if get_origin(kind) in (list, dict) and inner:
        for name in names:
            yield from _unknown(document, f"{key}.{name}", inner[-1])
    elif inner:
        yield from _unknown(document, key, inner[0])
