"""ToolACE's texts: the functions that a system prompt gives, the calls that a turn makes."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from trinity_chord.errors import ChordError

# What stands before the list of functions in ToolACE's system prompts.
LIST_FOLLOWS = re.compile(r"that you can invoke\s*[:.]\s*(?=\[)")
NAMED = {"true": True, "false": False, "null": None}
OPENING, CLOSING = "([{", ")]}"
Call = dict[str, Any]


class CallError(ChordError, ValueError):
    """A text that is not a list of calls; says what is wrong."""


def functions_of(system: str) -> tuple[str, list[dict[str, Any]]] | None:
    """Returns what stands before the functions of a system prompt, and the functions.

    Args:
        system: Instructions, then the functions as a JSON list, then the answer's format.

    Returns:
        The instructions and the functions, each with a name; None where there is no such list.
    """
    found = LIST_FOLLOWS.search(system)
    if found is None:
        return None
    try:
        functions, _ = json.JSONDecoder().raw_decode(system, found.end())
    except (json.JSONDecodeError, RecursionError):
        return None
    return (system[: found.end()], functions) if functions and are_functions(functions) else None


def are_functions(value: Any) -> bool:
    """Returns whether a value is a list of functions that each have a name."""
    return isinstance(value, list) and all(
        isinstance(function, dict) and isinstance(function.get("name"), str) for function in value
    )


def are_calls(value: Any) -> bool:
    """Returns whether a value is a list of `{"name": text, "arguments": object}`."""
    return isinstance(value, list) and all(
        isinstance(call, dict)
        and isinstance(call.get("name"), str)
        and isinstance(call.get("arguments"), dict)
        for call in value
    )


def parse_calls(text: str) -> list[Call]:
    """Reads `[Name One(arg="x", n=3), other(...)]` without running any of it.

    Names are whatever stands before a parenthesis, spaces too. Values are Python or JSON literals.

    Args:
        text: The turn.

    Returns:
        `{"name", "arguments"}` of each call, in their order.

    Raises:
        CallError: The text is something else: prose, an argument without a name or given twice, a
            value that is no literal or that JSON cannot hold.
    """
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        raise CallError("not in brackets")
    body = text[1:-1]
    calls, position = [], 0
    while True:
        call, position = _call(body, position)
        calls.append(call)
        rest = body[position:].lstrip()
        if not rest:
            return calls
        if not rest.startswith(","):
            raise CallError(f"{rest[:20]!r} follows a call")
        position = len(body) - len(rest) + 1


def _call(body: str, start: int) -> tuple[Call, int]:
    """Reads one call from `start`; returns it and the position after its parenthesis."""
    opening = body.find("(", start)
    name = body[start:opening].strip()
    if opening < 0 or not name or any(sign in name for sign in "[]{}=\"'"):
        raise CallError(f"{body[start : start + 20]!r} is no call")
    arguments: dict[str, Any] = {}
    position = opening + 1
    if body[position:].lstrip().startswith(")"):
        return {"name": name, "arguments": arguments}, body.index(")", position) + 1
    while True:
        equals = body.find("=", position)
        key = body[position:equals].strip()
        if equals < 0 or not key or any(sign in key for sign in "\"'()[]{},"):
            raise CallError(f"{body[position : position + 20]!r} is no named argument")
        if key in arguments:
            raise CallError(f"{key!r} is given twice")
        end = _end_of_value(body, equals + 1)
        arguments[key] = _literal(body[equals + 1 : end])
        position = end + 1
        if body[end] == ")":
            return {"name": name, "arguments": arguments}, position


def _end_of_value(body: str, start: int) -> int:
    """Returns the position of the comma or parenthesis that ends a value."""
    depth, quote, position = 0, "", start
    while position < len(body):
        sign = body[position]
        if quote:
            if sign == "\\":
                position += 1
            elif sign == quote:
                quote = ""
        elif sign in "\"'":
            quote = sign
        elif depth == 0 and sign in ",)":
            return position
        else:
            depth += (sign in OPENING) - (sign in CLOSING)
        position += 1
    raise CallError("the last argument does not end")


def _literal(text: str) -> Any:
    try:
        tree = ast.parse(text.strip(), mode="eval")
        value = ast.literal_eval(_JsonNames().visit(tree))
        return json.loads(json.dumps(value, allow_nan=False))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise CallError(f"{text.strip()[:40]!r} is no value: {error}") from error


class _JsonNames(ast.NodeTransformer):
    """Puts JSON's true, false and null in Python's place."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(NAMED[node.id]) if node.id in NAMED else node
