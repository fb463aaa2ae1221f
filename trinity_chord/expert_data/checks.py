"""Finds rows that cannot be a training example, before anything is tokenised."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from trinity.common.config import FormatConfig
from trinity.common.constants import PromptType

from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.settings import ExpertSet

RowCheck = Callable[[dict[str, Any]], "str | None"]


def check_format(expert_set: ExpertSet, columns: Sequence[str]) -> None:
    """Check that the columns that the format names are there.

    Args:
        expert_set: The set.
        columns: The columns of its rows.

    Raises:
        ExpertDataError: A column is missing, or the format asks for images or videos.
    """
    form = expert_set.format
    for name in ("image_key", "video_key"):
        if getattr(form, name):
            raise ExpertDataError(
                f"expert set {expert_set.name!r}: {expert_set.key('format.' + name)} is "
                f"{getattr(form, name)!r}, but the expert stream reads text only. Remove the key."
            )
    missing = [
        f"{expert_set.key('format.' + key)} is {column!r}, which is not a column"
        for key, column in _wanted_columns(form).items()
        if column not in columns
    ]
    if missing:
        raise ExpertDataError.from_problems(
            f"expert set {expert_set.name!r} ({expert_set.path})",
            missing,
            f"The columns are: {', '.join(columns)}. Set the key to one of them, or "
            f"{expert_set.key('format.prompt_type')} (now {form.prompt_type.value!r}) to what the "
            "rows are.",
        )


def read_columns(form: FormatConfig, columns: Sequence[str]) -> list[str]:
    """Return the columns that the format reads, out of those that are there."""
    wanted = {*_wanted_columns(form).values(), form.tools_key}
    return [column for column in columns if column in wanted]


def row_check(form: FormatConfig) -> RowCheck:
    """Return the check of one row: it returns the problem as text, or None for a good row."""
    check = _messages_problem if form.prompt_type == PromptType.MESSAGES else _plaintext_problem
    return lambda row: check(row, form) or _tools_problem(row, form)


def _wanted_columns(form: FormatConfig) -> dict[str, str]:
    if form.prompt_type == PromptType.MESSAGES:
        return {"messages_key": form.messages_key}
    wanted = {"prompt_key": form.prompt_key, "response_key": form.response_key}
    if form.system_prompt_key is not None:
        wanted["system_prompt_key"] = form.system_prompt_key
    return wanted


def _plaintext_problem(row: dict[str, Any], form: FormatConfig) -> str | None:
    for key, column in _wanted_columns(form).items():
        text = row[column]
        if not isinstance(text, str) or not (text or key == "system_prompt_key"):
            return f"{column} is {_shown(text)}, expected text"
    return None


def _messages_problem(row: dict[str, Any], form: FormatConfig) -> str | None:
    key = form.messages_key
    messages = row[key]
    if isinstance(messages, str):
        try:
            messages = json.loads(messages)
        except json.JSONDecodeError as error:
            return f"{key} is text that is not JSON: {error}; expected a list of messages"
    if not isinstance(messages, list) or not messages:
        return f"{key} is {_shown(messages)}, expected a list with at least one message"
    for number, message in enumerate(messages):
        problem = _message_problem(message)
        if problem:
            return f"{key}[{number}] {problem}"
    return _turns_problem(messages, form)


def _message_problem(message: Any) -> str | None:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        return f"is {_shown(message)}, expected an object with a role and a content"
    content = message.get("content")
    if content is not None and not isinstance(content, str | list):
        return f"has a content of type {type(content).__name__}, expected text"
    for part in content if isinstance(content, list) else []:
        if not isinstance(part, dict) or part.get("type", "text") != "text":
            return f"has the part {_shown(part)}, but the expert stream reads text only"
    return None


def _turns_problem(messages: list[dict[str, Any]], form: FormatConfig) -> str | None:
    """Return what is wrong with the assistant's turns, which are what is learnt."""
    key = form.messages_key
    answers = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
    if not answers:
        roles = ", ".join(message["role"] for message in messages)
        return f"{key} has no turn of the assistant (the roles are: {roles}), so nothing to learn"
    if answers[-1] != len(messages) - 1:
        return f"{key} ends with a turn of {messages[-1]['role']!r}, expected 'assistant'"
    for i in answers if form.enable_concatenated_multi_turn else answers[-1:]:
        if _is_empty(messages[i]):
            return f"{key}[{i}] is a turn of the assistant with an empty content, expected text"
    return None


def _is_empty(message: dict[str, Any]) -> bool:
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content)
    return not content and not message.get("tool_calls")


def _tools_problem(row: dict[str, Any], form: FormatConfig) -> str | None:
    tools = row.get(form.tools_key)
    if isinstance(tools, str) and tools:
        try:
            tools = json.loads(tools)
        except json.JSONDecodeError as error:
            return f"{form.tools_key} is text that is not JSON: {error}; expected a list of tools"
    if tools and not isinstance(tools, list):
        return f"{form.tools_key} is {_shown(tools)}, expected a list of tools"
    return None


def _shown(value: Any, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "..."
