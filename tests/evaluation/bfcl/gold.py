"""Correct answers to the benchmark's cases, and every kind of wrong answer."""

import json

from trinity_chord.evaluation.bfcl.cases import Case

# No answer to these is valid: the answers in bfcl-eval 2026.3.23 contradict its own checker. The
# first two require an argument for which no value is allowed; the third expects an argument that
# the function does not have; the fourth lacks an argument that the function requires.
UNANSWERABLE = {
    "live_simple_106-63-0",
    "live_simple_112-68-0",
    "live_multiple_862-181-3",
    "live_multiple_964-207-0",
}


def gold_calls(case: Case) -> list[dict]:
    """Return the calls that a case expects, without arguments that may be left out."""
    required = {f["name"]: f["parameters"]["required"] for f in case.functions}
    calls = []
    for answer in case.answers:
        ((name, allowed),) = answer.items()
        arguments = {
            argument: first_value(values)
            for argument, values in allowed.items()
            if "" not in values or argument in required[name]
        }
        calls.append({"name": name, "arguments": arguments})
    return calls


def first_value(allowed: list):
    """Return the first allowed value that is not "", which marks an optional argument."""
    return plain(next((value for value in allowed if value != ""), ""))


def plain(value):
    """Return an allowed value with one value for each nested list of allowed values."""
    if isinstance(value, dict):
        return {
            key: first_value(inner) if isinstance(inner, list) else inner
            for key, inner in value.items()
            if not (isinstance(inner, list) and "" in inner)
        }
    return [plain(item) for item in value] if isinstance(value, list) else value


def reply(calls: object) -> str:
    """Return a reply in the Tool-N1 format."""
    return f"<think>so</think> <tool_call>{json.dumps(calls)}</tool_call>"


def with_first(calls: list[dict], change) -> list[dict]:
    """Change the first argument of the first call that has arguments."""
    for index, call in enumerate(calls):
        if call["arguments"]:
            name = next(iter(call["arguments"]))
            changed = dict(call["arguments"])
            change(changed, name)
            return [*calls[:index], {**call, "arguments": changed}, *calls[index + 1 :]]
    return calls


def drop(arguments: dict, name: str) -> None:
    del arguments[name]


def other_type(arguments: dict, name: str) -> None:
    arguments[name] = 7 if isinstance(arguments[name], dict) else {"not": "this"}


def other_value(arguments: dict, name: str) -> None:
    value = arguments[name]
    if isinstance(value, bool):
        arguments[name] = not value
    elif isinstance(value, int | float):
        arguments[name] = value + 1.5 if isinstance(value, float) else value + 1
    elif isinstance(value, str):
        arguments[name] = value + " zzz"
    elif isinstance(value, list):
        arguments[name] = [*value, *value, "zzz"]
    else:
        arguments[name] = {**value, "zzz": 1}


def renamed(calls: list[dict], name: str) -> list[dict]:
    return [{**calls[0], "name": name}, *calls[1:]]


def extended(calls: list[dict]) -> list[dict]:
    first = {**calls[0], "arguments": {**calls[0]["arguments"], "zzz": 1}}
    return [first, *calls[1:]]


MUTATIONS = {
    "none": lambda calls: calls,
    "wrong name": lambda calls: renamed(calls, calls[0]["name"] + "x"),
    "dots as underscores": lambda calls: renamed(calls, calls[0]["name"].replace(".", "_")),
    "missing argument": lambda calls: with_first(calls, drop),
    "extra argument": extended,
    "wrong type": lambda calls: with_first(calls, other_type),
    "wrong value": lambda calls: with_first(calls, other_value),
    "one call too many": lambda calls: [*calls, calls[0]],
    "one call too few": lambda calls: calls[:-1],
    "other order": lambda calls: calls[::-1],
    "no call": lambda calls: [],
}
