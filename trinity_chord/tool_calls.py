"""Reads the calls of a reply in the Tool-N1 format (arXiv 2505.00024).

A reply is `<think>…</think><tool_call>[{"name": …, "arguments": {…}}, …]</tool_call>`. The calls of
the last `<tool_call>` block count, as in Trinity's `tool_call_workflow`. Reading takes time
proportional to the length of the reply, whatever it contains.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from trinity_chord.errors import ChordError

OPEN, CLOSE = "<tool_call>", "</tool_call>"
THINK, END_THINK = "<think>", "</think>"
# Real arguments are a few levels deep. Python's own limit would depend on the caller's stack.
MAX_DEPTH = 100

Call = dict[str, Any]


class ToolCallError(ChordError, ValueError):
    """Text that has no calls in the expected format."""


def read_calls(reply: str) -> list[Call]:
    """Return the calls of a reply, each `{"name": str, "arguments": {str: …}}`.

    Args:
        reply: The text of the model, with or without a `<think>` block.

    Raises:
        ToolCallError: There is no closed `<tool_call>` block, or its content is not a list of
            calls; the message says which.
    """
    block = _last_block(reply)
    if block is None:
        raise ToolCallError(f"no {OPEN}…{CLOSE} in the reply")
    value = decode_json(block)
    if isinstance(value, str):  # JSON within a JSON string, which Trinity's reward accepts.
        value = decode_json(value)
    return calls_of(value)


def write_calls(calls: list[Call]) -> str:
    """Return calls in the format that `read_calls` reads, without a thought."""
    return f"{OPEN}{json.dumps(calls, ensure_ascii=False)}{CLOSE}"


def calls_of(value: object) -> list[Call]:
    """Return the calls in decoded JSON, a call or a list of calls, without other keys.

    Raises:
        ToolCallError: The value is something else.
    """
    items = [value] if isinstance(value, dict) else value
    if not isinstance(items, list):
        raise ToolCallError(f"got a JSON {type(value).__name__}, expected a list of calls")
    return [_call(item, number) for number, item in enumerate(items, start=1)]


def thinks_once_first(reply: str) -> bool:
    """Return whether a reply has exactly one `<think>…</think>`, before the calls."""
    if reply.count(THINK) != 1 or reply.count(END_THINK) != 1:
        return False
    end, calls = reply.find(END_THINK), reply.find(OPEN)
    return reply.find(THINK) < end and (calls == -1 or end < calls)


def decode_json(text: str) -> Any:
    """Decode JSON strictly: no repeated key, no NaN or infinity, at most `MAX_DEPTH` levels.

    Raises:
        ToolCallError: The text is not such JSON.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except RecursionError:
        raise ToolCallError(f"JSON nested deeper than {MAX_DEPTH} levels") from None
    except ToolCallError:
        raise
    except ValueError as error:  # Also an integer with more digits than Python converts.
        raise ToolCallError(f"not JSON: {error}") from None
    _check_depth(value)
    return value


def _last_block(text: str) -> str | None:
    """Return the content of the last match of `<tool_call>(.*?)</tool_call>`, in linear time.

    The regular expression takes quadratic time if many blocks are opened and none is closed.
    """
    block, position = None, 0
    while (start := text.find(OPEN, position)) != -1:
        end = text.find(CLOSE, start + len(OPEN))
        if end == -1:
            break
        block, position = text[start + len(OPEN) : end], end + len(CLOSE)
    return None if block is None else block.strip()


def _call(item: object, number: int) -> Call:
    if not isinstance(item, dict):
        raise ToolCallError(f"call {number}: got a JSON {type(item).__name__}, expected an object")
    missing = [key for key in ("name", "arguments") if key not in item]
    if missing:
        raise ToolCallError(f"call {number} has no {' and no '.join(map(repr, missing))}")
    for key, expected in (("name", str), ("arguments", dict)):
        if not isinstance(item[key], expected):
            got = type(item[key]).__name__
            raise ToolCallError(f"call {number}, {key!r}: got {got}, expected {expected.__name__}")
    return {"name": item["name"], "arguments": item["arguments"]}


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ToolCallError("a JSON object has a key twice, so its value is ambiguous")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ToolCallError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ToolCallError("a number is too large for a float")
    return value


def _check_depth(value: object) -> None:
    level, depth = [value], 0
    while level:
        if depth > MAX_DEPTH:
            raise ToolCallError(f"JSON nested deeper than {MAX_DEPTH} levels")
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        depth += 1
