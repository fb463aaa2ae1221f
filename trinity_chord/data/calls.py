"""ToolACE's text formats: the functions in a system prompt, and the calls in a turn."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from trinity_chord.tool_calls import Call, ToolCallError

# What precedes the list of functions in ToolACE's system prompts.
BEFORE_LIST = re.compile(r"that you can invoke\s*[:.]\s*(?=\[)")
JSON_NAMES = {"true": True, "false": False, "null": None}
OPENING, CLOSING = "([{", ")]}"


def functions_of(system: str) -> tuple[str, list[dict[str, Any]]] | None:
    """Return the part of a system prompt before its functions, and the functions.

    Args:
        system: Instructions, then the functions as a JSON list, then the answer format.

    Returns:
        The instructions, and the functions, each with a name; None if there is no such list.
    """
    found = BEFORE_LIST.search(system)
    if found is None:
        return None
    try:
        functions, _ = json.JSONDecoder().raw_decode(system, found.end())
    except (json.JSONDecodeError, RecursionError):
        return None
    return (system[: found.end()], functions) if functions and are_functions(functions) else None


def are_functions(value: Any) -> bool:
    """Return whether a value is a list of functions that each have a name."""
    return isinstance(value, list) and all(
        isinstance(function, dict) and isinstance(function.get("name"), str) for function in value
    )


def are_calls(value: Any) -> bool:
    """Return whether a value is a list of `{"name": text, "arguments": object}`."""
    return isinstance(value, list) and all(
        isinstance(call, dict)
        and isinstance(call.get("name"), str)
        and isinstance(call.get("arguments"), dict)
        for call in value
    )


def parse_calls(text: str) -> list[Call]:
    """Parse `[Name One(arg="x", n=3), other(...)]` without running any of it.

    A name is everything before a parenthesis, including spaces. Values are Python or JSON literals.

    Args:
        text: The turn.

    Returns:
        `{"name", "arguments"}` of each call, in order.

    Raises:
        ToolCallError: The text is something else: prose, an argument without a name or given twice,
            or a value that is not a literal or that JSON cannot hold.
    """
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        raise ToolCallError(f"got {text[:20]!r}, expected calls in brackets")
    body = text[1:-1]
    calls, position = [], 0
    while True:
        call, position = _call(body, position)
        calls.append(call)
        rest = body[position:].lstrip()
        if not rest:
            return calls
        if not rest.startswith(","):
            raise ToolCallError(f"got {rest[:20]!r} after a call, expected a comma")
        position = len(body) - len(rest) + 1


def _call(body: str, start: int) -> tuple[Call, int]:
    """Parse one call from `start`; return it and the position after its parenthesis."""
    opening = body.find("(", start)
    name = body[start:opening].strip()
    if opening < 0 or not name or any(sign in name for sign in "[]{}=\"'"):
        raise ToolCallError(f"got {body[start : start + 20]!r}, expected a call")
    arguments: dict[str, Any] = {}
    position = opening + 1
    if body[position:].lstrip().startswith(")"):
        return {"name": name, "arguments": arguments}, body.index(")", position) + 1
    while True:
        equals = body.find("=", position)
        key = body[position:equals].strip()
        if equals < 0 or not key or any(sign in key for sign in "\"'()[]{},"):
            raise ToolCallError(f"got {body[position : position + 20]!r}, expected name=value")
        if key in arguments:
            raise ToolCallError(f"got the argument {key!r} twice")
        end = _end_of_value(body, equals + 1)
        arguments[key] = _literal(body[equals + 1 : end])
        position = end + 1
        if body[end] == ")":
            return {"name": name, "arguments": arguments}, position


def _end_of_value(body: str, start: int) -> int:
    """Return the position of the comma or parenthesis that ends a value."""
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
    raise ToolCallError("the last argument does not end")


def _literal(text: str) -> Any:
    try:
        tree = ast.parse(text.strip(), mode="eval")
        value = ast.literal_eval(_JsonNames().visit(tree))
        return json.loads(json.dumps(value, allow_nan=False))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ToolCallError(f"got {text.strip()[:40]!r}, expected a literal: {error}") from error


class _JsonNames(ast.NodeTransformer):
    """Replaces JSON's true, false and null by Python's."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(JSON_NAMES[node.id]) if node.id in JSON_NAMES else node
