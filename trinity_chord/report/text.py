"""Text of a run as it can be shown: whatever is in it stays visible and stays text."""

from __future__ import annotations

import re
from typing import Any

# More of one text than this is not shown; a page with it would be slow.
MOST_CHARACTERS = 6000
# Control characters, except tab and line feed, and characters that change the direction or the
# place of the text after them, or that are not seen at all.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def visible(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return a text with its invisible characters as escapes, such as U+001B, cut if long.

    Lone surrogates, which cannot be written as UTF-8, are replaced by U+FFFD.
    """
    cut = len(text) - most
    shown = INVISIBLE.sub(_escaped, text[:most].replace("\r\n", "\n"))
    shown = shown.encode("utf-8", "replace").decode("utf-8")
    return f"{shown}\n… {cut:,} more characters" if cut > 0 else shown


def one_line(text: str, most: int = 120) -> str:
    """Return the beginning of a text in one line."""
    line = " ".join(visible(text, most * 4).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def value_text(value: Any) -> str:
    """Return a value of a configuration as it is written in YAML."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    return visible(str(value), 1000)


def number_text(value: float) -> str:
    """Return a number with three significant digits, without an exponent if it is readable so."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
