"""JSON text with errors for users: the numbered lines of a file, and what one of them holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

LONGEST = 4 * 2**20  # Bytes of a row of training data: more than a million tokens.
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True)
class Line:
    """A line of a file that is not blank.

    Attributes:
        number: Its number, counted from 1.
        start: Its first byte in the file.
        size: Its length in bytes.
        text: The line; None if it is longer than allowed.
    """

    number: int
    start: int
    size: int
    text: bytes | None


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each line of a file that is not blank with its number, counted from 1."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line


def bounded_lines(file: BinaryIO, longest: int = LONGEST) -> Iterator[Line]:
    """Yield each line of a file that is not blank, without reading a longer one into memory."""
    start, number = 0, 0
    while part := file.readline(longest + 1):
        number += 1
        size = len(part)
        text: bytes | None = part
        while size > longest and not part.endswith(b"\n"):
            text = None
            part = file.readline(longest)
            if not part:
                break
            size += len(part)
        if size > longest + 1:
            text = None
        if text is None or text.strip():
            yield Line(number, start, size, text)
        start += size


def too_long(size: int, longest: int = LONGEST) -> str:
    """Return what is wrong with a row of a size."""
    return f"got a row of {size:,} bytes, expected at most {longest:,}"


def parse_json(text: bytes | str, *, any_text: bool = False) -> Any:
    """Parse JSON text, UTF-8 if it is bytes.

    What would not survive is refused: a key that appears twice in an object, and a lone half of a
    surrogate pair, which is not text.

    Args:
        text: The text.
        any_text: Accept half of a surrogate pair.

    Raises:
        ValueError: The text is not JSON. The message says why, and not where the text is from.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object)
        raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
        if not any_text and SURROGATE.search(raw):
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise ValueError(f"not JSON: {error.msg} at {line}column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text: {error.reason} at byte {error.start}") from error
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise ValueError(f"not text: got {half!r}, half of a surrogate pair") from error
    except RecursionError as error:
        raise ValueError("not JSON: nested too deeply") from error
    except ValueError as error:  # A number with more digits than Python converts.
        raise ValueError(f"not JSON: {error}") from error
    return value


def parse_object(line: bytes | str, *, any_text: bool = False) -> dict[str, Any]:
    """Parse a line that holds one JSON object; see `parse_json`.

    Raises:
        ValueError: The line holds something else. The message says what, and not which line it is.
    """
    value = parse_json(line, any_text=any_text)
    if not isinstance(value, dict):
        raise ValueError(f"got a JSON {type(value).__name__}, expected an object {{...}}")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {repeated!r} appears twice in an object")
    return value
