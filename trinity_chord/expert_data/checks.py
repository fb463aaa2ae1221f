"""Finds rows that cannot be training examples before anything is tokenized."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from trinity.common.config import FormatConfig
from trinity.common.constants import PromptType

from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.image_places import ROLES, ImagePlaces, as_list
from trinity_chord.expert_data.settings import ExpertSet
from trinity_chord.images import ImageReader
from trinity_chord.json_lines import parse_json

RowCheck = Callable[[dict[str, Any]], "str | None"]
IMAGE_KINDS = ("image", "image_url")
NO_PROCESSOR = (
    "Images need a model with an image processor: set `model.model_path` to its folder, which has "
    "a preprocessor_config.json or a processor_config.json"
)


def check_format(expert_set: ExpertSet, columns: Sequence[str], *, reads_images: bool) -> None:
    """Check that a set has the columns that its format names.

    Args:
        expert_set: The set.
        columns: The columns of its rows.
        reads_images: Whether the model reads images.

    Raises:
        ExpertDataError: A column is missing, or the format names one that the model cannot read.
    """
    form = expert_set.format
    if form.video_key:
        raise ExpertDataError(
            f"`{expert_set.key('format.video_key')}`: got {form.video_key!r}, expected None, "
            "because the expert stream reads no videos; remove the key"
        )
    if form.image_key and not reads_images:
        raise ExpertDataError(
            f"`{expert_set.key('format.image_key')}`: got {form.image_key!r}, expected None, "
            f"because the model reads no images. {NO_PROCESSOR}"
        )
    missing = [
        f"`{expert_set.key('format.' + key)}`: got {column!r}, expected the name of a column"
        for key, column in _columns(form).items()
        if column not in columns
    ]
    if missing:
        raise ExpertDataError.from_problems(
            str(expert_set),
            missing,
            f"The columns are: {', '.join(columns)}. Set each key to one of them, or set "
            f"`{expert_set.key('format.prompt_type')}` (now {form.prompt_type.value!r}) to the "
            "type of these rows.",
        )


def read_columns(form: FormatConfig, columns: Sequence[str]) -> list[str]:
    """Return those of the columns that the format reads."""
    used = {*_required_columns(form).values(), form.tools_key, form.image_key}
    return [column for column in columns if column in used]


def row_check(form: FormatConfig, images: ImageReader | None) -> RowCheck:
    """Return the check of one row, which returns the problem as text, or None for a good row.

    Args:
        form: The format of the rows.
        images: Reads the images of the set; None if the model reads no images.
    """
    if form.prompt_type == PromptType.MESSAGES:
        return lambda row: _messages_problem(row, form, images) or _tools_problem(row, form)
    return lambda row: (
        (_plaintext_problem(row, form) or _column_problem(row, form, images))
        or _tools_problem(row, form)
    )


def messages_of(row: dict[str, Any], form: FormatConfig) -> Any:
    """Return the messages of a row, parsed if they are text.

    Raises:
        ValueError: The text is not JSON.
    """
    messages = row[form.messages_key]
    return parse_json(messages) if isinstance(messages, str) else messages


def images_of(row: dict[str, Any], form: FormatConfig) -> list[Any]:
    """Return the images in the column of a row."""
    return as_list(row.get(form.image_key)) if form.image_key else []


def _required_columns(form: FormatConfig) -> dict[str, str]:
    """Return the columns that every row must have, by their key in the format."""
    if form.prompt_type == PromptType.MESSAGES:
        return {"messages_key": form.messages_key}
    required = {"prompt_key": form.prompt_key, "response_key": form.response_key}
    if form.system_prompt_key is not None:
        required["system_prompt_key"] = form.system_prompt_key
    return required


def _columns(form: FormatConfig) -> dict[str, str]:
    """Return the columns that a set must have, by their key in the format."""
    images = {"image_key": form.image_key} if form.image_key else {}
    return {**_required_columns(form), **images}


def _plaintext_problem(row: dict[str, Any], form: FormatConfig) -> str | None:
    for key, column in _required_columns(form).items():
        text = row[column]
        if not isinstance(text, str) or not (text or key == "system_prompt_key"):
            return f"`{column}`: got {_shown(text)}, expected text"
    return None


def _column_problem(
    row: dict[str, Any], form: FormatConfig, images: ImageReader | None
) -> str | None:
    """Return the problem with the images of a row whose prompt is text."""
    if images is None:
        return None
    for number, value in enumerate(images_of(row, form)):
        try:
            images.check(value)
        except ValueError as error:
            return f"`{form.image_key}[{number}]`: {error}"
    return None


def _messages_problem(
    row: dict[str, Any], form: FormatConfig, images: ImageReader | None
) -> str | None:
    key = form.messages_key
    try:
        messages = messages_of(row, form)
    except ValueError as error:
        return f"`{key}`: got text that is {error}; expected a list of messages"
    if not isinstance(messages, list) or not messages:
        return f"`{key}`: got {_shown(messages)}, expected a list with at least one message"
    for number, message in enumerate(messages):
        problem = _message_problem(message, reads_images=images is not None)
        if problem:
            return f"`{key}[{number}]`: {problem}"
    return _turns_problem(messages, form) or _places_problem(row, messages, form, images)


def _places_problem(
    row: dict[str, Any],
    messages: list[dict[str, Any]],
    form: FormatConfig,
    images: ImageReader | None,
) -> str | None:
    if images is None:
        return None
    try:
        ImagePlaces(images_of(row, form), form.image_key, images.check).fill(messages)
    except ValueError as error:
        return f"image: {error}"
    return None


def _message_problem(message: Any, *, reads_images: bool) -> str | None:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        return f"got {_shown(message)}, expected an object with a role and a content"
    content = message.get("content")
    if content is not None and not isinstance(content, str | list):
        return f"got a content of type {type(content).__name__}, expected text"
    for part in content if isinstance(content, list) else []:
        kind = part.get("type", "text") if isinstance(part, dict) else None
        if kind in IMAGE_KINDS and message["role"] in ROLES:
            if not reads_images:
                return f"got the content part {_shown(part)}, expected text. {NO_PROCESSOR}"
        elif kind != "text":
            return f"got the content part {_shown(part)}, expected text: other parts are not read"
    return None


def _turns_problem(messages: list[dict[str, Any]], form: FormatConfig) -> str | None:
    """Return the problem with the assistant turns, the only part that is learned."""
    key = form.messages_key
    answers = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
    if not answers:
        roles = ", ".join(message["role"] for message in messages)
        return f"`{key}`: got no assistant turn (roles: {roles}), expected at least one"
    if answers[-1] != len(messages) - 1:
        return f"`{key}`: got {messages[-1]['role']!r} as the last role, expected 'assistant'"
    for i in answers if form.enable_concatenated_multi_turn else answers[-1:]:
        if _is_empty(messages[i]):
            return f"`{key}[{i}]`: got an empty assistant turn, expected text or tool calls"
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
            tools = parse_json(tools)
        except ValueError as error:
            return f"`{form.tools_key}`: got text that is {error}; expected a list of tools"
    if tools and not isinstance(tools, list):
        return f"`{form.tools_key}`: got {_shown(tools)}, expected a list of tools"
    return None


def _shown(value: Any, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "..."
