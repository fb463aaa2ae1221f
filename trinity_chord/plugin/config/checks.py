"""Checks that several readers of a configuration share."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from trinity_chord.errors import Problems


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; YAML's true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_count(value: Any) -> bool:
    """Whether a value is a whole number, 0 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def as_mapping(key: str, value: Any, problems: Problems) -> dict[str, Any]:
    """Returns a mapping as a dict of its own, an empty one for None; anything else is noted."""
    if value is None:
        return {}
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return dict(value)
    problems.add(key, value, "a mapping of names to values")
    return {}


def check_known(
    prefix: str, args: Mapping[str, Any], known: Collection[str], problems: Problems
) -> None:
    """Notes every key that is not known, with the nearest one that is."""
    for key, value in args.items():
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            remedy = f"did you mean `{near[0]}`?" if near else ""
            problems.add(f"{prefix}.{key}", value, f"one of the keys {list(known)}", remedy)
