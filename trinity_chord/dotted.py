"""Import of what a user names by its dotted path."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from trinity_chord.errors import ChordConfigError


def load_dotted(kind: str, path: str) -> Callable[..., Any]:
    """Import a function or class by its dotted path.

    Args:
        kind: What it is, for the message: "token weight".
        path: ``module.name``.

    Raises:
        ChordConfigError: It cannot be imported or is not callable.
    """
    module, _, name = path.rpartition(".")
    try:
        loaded = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ChordConfigError(f"{kind} {path!r} cannot be imported: {error}") from error
    if not callable(loaded):
        raise ChordConfigError(
            f"{kind} {path!r}: got {type(loaded).__name__}, expected a function or class"
        )
    return loaded
