"""Finds the expert's answers to the prompts of rollouts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from trinity.common.config import FormatConfig

from trinity_chord.errors import ChordError
from trinity_chord.expert_data import ExpertSet
from trinity_chord.expert_data.source import ExpertSource

TEXT_KEYS = ("messages_key", "prompt_key", "response_key")
# What a message may follow in a prompt: the end of a template's token, or a new line.
BEFORE = ("", ">", "]", "\n", ":")
AFTER = ("", "<", "[", "\n")


def expert_answers(
    config: Mapping[str, Any] | None, prompts: Iterable[str]
) -> tuple[dict[str, str], list[tuple[str, str]], list[str]]:
    """Return the expert's answers to prompts, from the expert sets of a configuration.

    Args:
        config: The configuration of the run.
        prompts: The prompts of rollouts, with the tokens of the chat template.

    Returns:
        The answers by prompt; the first prompt and answer of each set, for when there are none;
        and why a set could not be read.
    """
    wanted = set(prompts)
    answers: dict[str, tuple[int, str]] = {}
    examples: list[tuple[str, str]] = []
    notes: list[str] = []
    for expert_set in _sets(config or {}):
        if not Path(expert_set.path).exists():
            notes.append(f"the expert set {expert_set.path} is not on this machine")
            continue
        try:
            rows = ExpertSource(expert_set).load()
        except ChordError as error:
            notes.append(str(error))
            continue
        for number, (question, answer) in enumerate(_pairs(rows, expert_set.format)):
            if number == 0:
                examples.append((question, answer))
            for prompt in wanted:
                if len(question) > answers.get(prompt, (0, ""))[0] and is_asked(question, prompt):
                    answers[prompt] = (len(question), answer)
    return {prompt: answer for prompt, (_, answer) in answers.items()}, examples, notes


def is_asked(question: str, prompt: str) -> bool:
    """Return whether a prompt holds the question as a whole message."""
    before, found, after = prompt.rpartition(question)
    if not found:
        return False
    return (before.rstrip(" ")[-1:] in BEFORE) and (after.lstrip(" ")[:1] in AFTER)


def _sets(config: Mapping[str, Any]) -> Iterator[ExpertSet]:
    buffers = ((config.get("buffer") or {}).get("trainer_input") or {}).get("auxiliary_buffers")
    for name, buffer in (buffers or {}).items():
        if isinstance(buffer, Mapping) and buffer.get("path"):
            yield ExpertSet(
                name=name,
                path=str(buffer["path"]),
                split=buffer.get("split") or "train",
                subset_name=buffer.get("subset_name"),
                format=_format(buffer.get("format") or {}),
            )


def _format(values: Mapping[str, Any]) -> FormatConfig:
    """Return the keys that say where a row has its texts, which every version of Trinity has."""
    kept = {key: values[key] for key in TEXT_KEYS if isinstance(values.get(key), str)}
    return FormatConfig(**kept)


def _pairs(rows: Any, form: FormatConfig) -> Iterator[tuple[str, str]]:
    """Yield the last question before the first answer, and that answer, of each row."""
    for row in rows:
        messages = row.get(form.messages_key)
        if isinstance(messages, list):
            question, answer = _first_answer(messages)
        else:
            question, answer = (row.get(key) or "" for key in (form.prompt_key, form.response_key))
        if question and answer:
            yield str(question).strip(), str(answer)


def _first_answer(messages: list[Any]) -> tuple[str, str]:
    question = ""
    for message in messages:
        text = str(message.get("content") or "")
        if message.get("role") == "assistant":
            return question, text
        if message.get("role") == "user":
            question = text
    return "", ""
