"""Tool use: turns of ToolACE that call functions, and the splits that were published of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

from trinity_chord.data.calls import CallError, are_calls, are_functions, functions_of, parse_calls
from trinity_chord.data.candidates import Candidate, Step
from trinity_chord.data.recipe import CONTAMINATED, Recipe, Values, shown, wrong_types
from trinity_chord.data.text import text_key
from trinity_chord.prompts import tool_messages

FUNCTIONS = Step(
    "functions", "conversations whose system prompt gives no list of functions", switchable=False
)
CALLING = Step("calling", "turns after a user's turn that call nothing", switchable=False)
PARSED = Step("parsed", "turns with a call that cannot be read", switchable=False)
SINGLE = Step("single-turn", "turns with more than one user's turn before them")
GIVEN = Step("given-functions", "turns that call a function that is not given")
ROLES = {"human", "user", "gpt", "assistant", "observation", "tool", "function_call"}
USERS = {"human", "user"}
TASK_COLUMNS = ("tools", "conversations", "answer", "raw_system")


class ToolACERecipe(Recipe):
    """Rows of Team-ACE/ToolACE: each calling turn after a user's turn becomes a task.

    A task has the four columns that Trinity's `tool_call_workflow` reads. A calling turn before it
    is told in the format that the policy answers in.
    """

    steps: ClassVar[tuple[Step, ...]] = (FUNCTIONS, CALLING, PARSED, SINGLE, GIVEN, CONTAMINATED)
    required: ClassVar[tuple[str, ...]] = ("system", "conversations")

    def problem_of(self, values: Values) -> str | None:
        wrong = wrong_types(values, {"system": str, "conversations": list})
        return wrong or turns_problem(values.get("conversations"), {"user", "assistant", "tool"})

    def examine(self, rows: Sequence[tuple[int, Values]]) -> list[list[Candidate]]:
        return [self._of_row(number, values) for number, values in rows]

    def sft_row(self, values: Values, candidate: Candidate, pick: int) -> Values:
        """Returns the task with the turn's calls as the answer, after an empty thought."""
        return with_gold_answer(self.rl_row(values, candidate))

    def rl_row(self, values: Values, candidate: Candidate) -> Values:
        found = functions_of(values["system"])
        assert found is not None  # The step `functions` has dropped the others.
        turns = values["conversations"]
        return {
            "tools": json.dumps(found[1]),
            "conversations": list(map(_told, turns[: candidate.turn])),
            "answer": json.dumps(parse_calls(turns[candidate.turn]["value"])),
            "raw_system": found[0],
        }

    def _of_row(self, row: int, values: Values) -> list[Candidate]:
        turns = values.get("conversations") or []
        found = functions_of(values.get("system") or "")
        if found is None:
            return [Candidate(row, text_key(_users_text(turns)), FUNCTIONS.name)]
        names = {function["name"] for function in found[1]}
        places = [
            place
            for place in range(1, len(turns))
            if turns[place]["from"] == "assistant" and turns[place - 1]["from"] == "user"
        ]
        return [self._of_turn(row, turns, place, names) for place in places]

    def _of_turn(self, row: int, turns: list[Values], place: int, names: set[str]) -> Candidate:
        text = _users_text(turns[:place])
        dropped, match = self._dropped(turns, place, names), None
        if not dropped:
            match = self.overlap(text)
            dropped = CONTAMINATED.name if match else None
        return Candidate(row, text_key(text), dropped, turn=place, match=match)

    def _dropped(self, turns: list[Values], place: int, names: set[str]) -> str | None:
        text = turns[place]["value"].strip()
        if not (text.startswith("[") and text.endswith("]")):
            return CALLING.name
        try:
            calls = parse_calls(text)
        except CallError:
            return PARSED.name
        if self.is_on(SINGLE) and place > 1:
            return SINGLE.name
        given = all(call["name"] in names for call in calls)
        return GIVEN.name if self.is_on(GIVEN) and not given else None


class PublishedSplitRecipe(Recipe):
    """Rows of datajuicer/Trinity-ToolAce-RL-split: tasks taken as they are, once checked."""

    steps: ClassVar[tuple[Step, ...]] = (FUNCTIONS, PARSED, GIVEN, CONTAMINATED)
    required: ClassVar[tuple[str, ...]] = TASK_COLUMNS
    keeps_order: ClassVar[bool] = True

    def problem_of(self, values: Values) -> str | None:
        texts = dict.fromkeys(("tools", "answer", "raw_system"), str)
        wrong = wrong_types(values, {**texts, "conversations": list})
        return wrong or turns_problem(values.get("conversations"), ROLES)

    def examine(self, rows: Sequence[tuple[int, Values]]) -> list[list[Candidate]]:
        return [[self._of_row(number, values)] for number, values in rows]

    def sft_row(self, values: Values, candidate: Candidate, pick: int) -> Values:
        """Returns the task with its right calls as the answer, after an empty thought."""
        return with_gold_answer(self.rl_row(values, candidate))

    def rl_row(self, values: Values, candidate: Candidate) -> Values:
        turns = [{key: turn[key] for key in ("from", "value")} for turn in values["conversations"]]
        return {**{column: values[column] for column in TASK_COLUMNS}, "conversations": turns}

    def _of_row(self, row: int, values: Values) -> Candidate:
        text = _users_text(values.get("conversations") or [])
        dropped, match = self._dropped(values), None
        if not dropped:
            match = self.overlap(text)
            dropped = CONTAMINATED.name if match else None
        return Candidate(row, text_key(text), dropped, match=match)

    def _dropped(self, values: Values) -> str | None:
        functions = _from_json(values.get("tools"))
        if not functions or not are_functions(functions) or values.get("raw_system") is None:
            return FUNCTIONS.name
        calls = _from_json(values.get("answer"))
        if not calls or not are_calls(calls) or not values.get("conversations"):
            return PARSED.name
        names = {function["name"] for function in functions}
        given = all(call["name"] in names for call in calls)
        return GIVEN.name if self.is_on(GIVEN) and not given else None


class PublishedExpertRecipe(PublishedSplitRecipe):
    """Rows of datajuicer/Trinity-ToolAce-SFT-split: tasks with the expert's whole chat."""

    required: ClassVar[tuple[str, ...]] = (*TASK_COLUMNS, "messages")

    def problem_of(self, values: Values) -> str | None:
        wrong = super().problem_of(values) or wrong_types(values, {"messages": list})
        return wrong or _messages_problem(values.get("messages"))

    def sft_row(self, values: Values, candidate: Candidate, pick: int) -> Values:
        messages = [{key: m[key] for key in ("role", "content")} for m in values["messages"]]
        return {**self.rl_row(values, candidate), "messages": messages}


def with_gold_answer(task: Values) -> Values:
    """Returns a task with the chat of its right calls after an empty thought: reward 1."""
    reply = f"<think>\n\n</think>\n{as_reply(json.loads(task['answer']))}"
    return {**task, "messages": [*tool_messages(task), {"role": "assistant", "content": reply}]}


def as_reply(calls: list[dict[str, Any]]) -> str:
    """Returns calls as the policy is asked to write them, without the thought."""
    return f"<tool_call>{json.dumps(calls, ensure_ascii=False)}</tool_call>"


def turns_problem(turns: list[Any] | None, roles: set[str]) -> str | None:
    """Returns which turn is not `{"from": role, "value": text}`, None where all are."""
    for place, turn in enumerate(turns or ()):
        if not isinstance(turn, dict) or not isinstance(turn.get("value"), str):
            return f"conversations[{place}] is {shown(turn)}, expected from and value as text"
        if turn.get("from") not in roles:
            return (
                f"conversations[{place}] is from {turn.get('from')!r}, "
                f"expected one of {', '.join(sorted(roles))}"
            )
    return None


def _messages_problem(messages: list[Any] | None) -> str | None:
    for place, message in enumerate(messages or ()):
        if not (
            isinstance(message, dict)
            and isinstance(message.get("role"), str)
            and isinstance(message.get("content"), str)
        ):
            return f"messages[{place}] is {shown(message)}, expected role and content as text"
    if not messages or messages[-1]["role"] != "assistant":
        return "messages does not end with a turn of the assistant"
    return None


def _told(turn: Values) -> Values:
    """Returns a turn of the history; one that calls functions in the format of a reply."""
    value = turn["value"]
    if turn["from"] == "assistant":
        with suppress(CallError):  # Plain text: an answer in words.
            value = as_reply(parse_calls(value))
    return {"from": turn["from"], "value": value}


def _users_text(turns: list[Values]) -> str:
    return "\n".join(turn["value"] for turn in turns if turn["from"] in USERS)


def _from_json(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except (json.JSONDecodeError, RecursionError):
        return None
