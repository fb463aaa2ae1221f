"""Reads bfcl-eval's correct calls, which are Python text, without running any of it."""

from __future__ import annotations

import ast
from typing import Any

from trinity_chord.tool_calls import ToolCallError

SimulatorCall = dict[str, Any]
"""A call as the simulators take it: `name`, `positional` (a list) and `arguments` (by name)."""


def parse_call(text: str) -> SimulatorCall:
    """Parse `name(1, key="value")`.

    Args:
        text: A call of a plain name with literal arguments.

    Raises:
        ToolCallError: The text is something else.
    """
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ToolCallError(f"got {text[:60]!r}, expected a call of a function by its name")
        arguments = {}
        for keyword in call.keywords:
            if keyword.arg is None or keyword.arg in arguments:
                raise ToolCallError(f"got {text[:60]!r}, expected each argument once, by its name")
            arguments[keyword.arg] = ast.literal_eval(keyword.value)
        return {
            "name": call.func.id,
            "positional": [ast.literal_eval(value) for value in call.args],
            "arguments": arguments,
        }
    except ToolCallError:
        raise
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ToolCallError(f"got {text[:60]!r}, expected literal arguments: {error}") from error


def named_call(call: SimulatorCall, functions: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a call as a model writes it, all arguments by name.

    Args:
        call: The call.
        functions: Functions, among them the called one; its parameters name positional arguments.

    Raises:
        ToolCallError: The function is not among them, or has fewer parameters.
    """
    parameters = next(
        (list(f["parameters"]["properties"]) for f in functions if f["name"] == call["name"]), None
    )
    if parameters is None or len(parameters) < len(call["positional"]):
        raise ToolCallError(f"{call['name']}: no function with such positional arguments")
    by_name = dict(zip(parameters, call["positional"], strict=False))
    return {"name": call["name"], "arguments": by_name | call["arguments"]}
