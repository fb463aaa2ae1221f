"""JSON text with errors for users: the numbered lines of a file, and what one of them holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each line of a file that is not blank with its number, counted from 1."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line


def parse_json(text: bytes | str) -> Any:
    """Parse JSON text, UTF-8 if it is bytes.

    Raises:
        ValueError: The text is not JSON. The message says why, and not where the text is from.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise ValueError(f"not JSON: {error.msg} at {line}column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text: {error.reason} at byte {error.start}") from error
    except RecursionError as error:
        raise ValueError("not JSON: nested too deeply") from error
    except ValueError as error:  # A number with more digits than Python converts.
        raise ValueError(f"not JSON: {error}") from error


def parse_object(line: bytes | str) -> dict[str, Any]:
    """Parse a line that holds one JSON object.

    Raises:
        ValueError: The line holds something else. The message says what, and not which line it is.
    """
    value = parse_json(line)
    if not isinstance(value, dict):
        raise ValueError(f"got a JSON {type(value).__name__}, expected an object {{...}}")
    return value
