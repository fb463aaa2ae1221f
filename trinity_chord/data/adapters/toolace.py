"""Tool use: the calling turns of ToolACE, and the splits of it that Trinity's authors published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

from trinity_chord.data.adapter import CONTAMINATED, Adapter, Values, shown, wrong_types
from trinity_chord.data.calls import are_calls, are_functions, functions_of, parse_calls
from trinity_chord.data.candidates import Candidate, Step
from trinity_chord.data.public_source import Part, PublicSource
from trinity_chord.data.settings import Settings
from trinity_chord.data.text import text_key
from trinity_chord.prompts import tool_messages
from trinity_chord.tool_calls import ToolCallError, write_calls

FUNCTIONS = Step("functions", "conversations without a list of functions", optional=False)
CALLING = Step("calling", "turns after a user's turn that call nothing", optional=False)
PARSED = Step("parsed", "turns, or published rows, whose calls cannot be parsed", optional=False)
SINGLE = Step("single-turn", "turns that are not the first of their conversation")
GIVEN = Step("given-functions", "turns that call a function missing from the list")
ROLES = {"human", "user", "gpt", "assistant", "observation", "tool", "function_call"}
USERS = {"human", "user"}
TASK_COLUMNS = ("tools", "conversations", "answer", "raw_system")
EXPERT_HUB_ID = "datajuicer/Trinity-ToolAce-SFT-split"
NO_THOUGHTS = (
    f"ToolACE has correct calls but no expert's thoughts. Give --expert-source {EXPERT_HUB_ID} or "
    "data with its columns, or use the calls after an empty thought with --gold-sft, or make no "
    "SFT set with --sft 0."
)


class ToolACEAdapter(Adapter):
    """Rows of Team-ACE/ToolACE: each calling turn after a user's turn becomes a task.

    A task has the four columns that Trinity's `tool_call_workflow` reads. Calling turns in its
    history have the format in which the policy answers.
    """

    steps: ClassVar[tuple[Step, ...]] = (FUNCTIONS, CALLING, PARSED, SINGLE, GIVEN, CONTAMINATED)
    required: ClassVar[tuple[str, ...]] = ("system", "conversations")

    def problem_of(self, values: Values) -> str | None:
        """Return which columns or turns have the wrong type."""
        wrong = wrong_types(values, {"system": str, "conversations": list})
        return wrong or turns_problem(values.get("conversations"), {"user", "assistant", "tool"})

    def examine(self, rows: Sequence[tuple[int, Values]]) -> list[list[Candidate]]:
        """Return a candidate for each turn of the assistant after a user's turn."""
        return [self._of_row(number, values) for number, values in rows]

    def sft_row(self, values: Values, candidate: Candidate, pick: int) -> Values:
        """Return the task with the turn's calls as the answer, after an empty thought."""
        return with_gold_answer(self.rl_row(values, candidate))

    def rl_row(self, values: Values, candidate: Candidate) -> Values:
        """Return the task of the candidate's turn."""
        found = functions_of(values["system"])
        assert found is not None  # The step `functions` drops all other rows.
        turns = values["conversations"]
        return {
            "tools": json.dumps(found[1]),
            "conversations": list(map(_as_history, turns[: candidate.turn])),
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
        except ToolCallError:
            return PARSED.name
        if self.is_on(SINGLE) and place > 1:
            return SINGLE.name
        given = all(call["name"] in names for call in calls)
        return GIVEN.name if self.is_on(GIVEN) and not given else None


class PublishedSplitAdapter(Adapter):
    """Rows of datajuicer/Trinity-ToolAce-RL-split: tasks, checked and otherwise unchanged."""

    steps: ClassVar[tuple[Step, ...]] = (FUNCTIONS, PARSED, GIVEN, CONTAMINATED)
    required: ClassVar[tuple[str, ...]] = TASK_COLUMNS
    keeps_order: ClassVar[bool] = True

    def problem_of(self, values: Values) -> str | None:
        """Return which columns or turns have the wrong type."""
        texts = dict.fromkeys(("tools", "answer", "raw_system"), str)
        wrong = wrong_types(values, {**texts, "conversations": list})
        return wrong or turns_problem(values.get("conversations"), ROLES)

    def examine(self, rows: Sequence[tuple[int, Values]]) -> list[list[Candidate]]:
        """Return one candidate per row."""
        return [[self._of_row(number, values)] for number, values in rows]

    def sft_row(self, values: Values, candidate: Candidate, pick: int) -> Values:
        """Return the task with its correct calls as the answer, after an empty thought."""
        return with_gold_answer(self.rl_row(values, candidate))

    def rl_row(self, values: Values, candidate: Candidate) -> Values:
        """Return the task as the source has it."""
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


class PublishedExpertAdapter(PublishedSplitAdapter):
    """Rows of datajuicer/Trinity-ToolAce-SFT-split: tasks with the expert's chat."""

    required: ClassVar[tuple[str, ...]] = (*TASK_COLUMNS, "messages")

    def problem_of(self, values: Values) -> str | None:
        """Return which columns, turns or messages have the wrong type."""
        wrong = super().problem_of(values) or wrong_types(values, {"messages": list})
        return wrong or _messages_problem(values.get("messages"))

    def sft_row(self, values: Values, candidate: Candidate, pick: int) -> Values:
        """Return the task with the expert's chat."""
        messages = [{key: m[key] for key in ("role", "content")} for m in values["messages"]]
        return {**self.rl_row(values, candidate), "messages": messages}


def with_gold_answer(task: Values) -> Values:
    """Return a task with a chat whose reply is its correct calls after an empty thought."""
    reply = f"<think>\n\n</think>\n{write_calls(json.loads(task['answer']))}"
    return {**task, "messages": [*tool_messages(task), {"role": "assistant", "content": reply}]}


def turns_problem(turns: list[Any] | None, roles: set[str]) -> str | None:
    """Return which turn is not `{"from": role, "value": text}`, or None."""
    for place, turn in enumerate(turns or ()):
        if not isinstance(turn, dict) or not isinstance(turn.get("value"), str):
            return f"conversations[{place}]: got {shown(turn)}, expected from and value as text"
        if turn.get("from") not in roles:
            return (
                f"conversations[{place}].from: got {turn.get('from')!r}, "
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
            return f"messages[{place}]: got {shown(message)}, expected role and content as text"
    if not messages or messages[-1]["role"] != "assistant":
        return "messages: expected a turn of the assistant at the end"
    return None


def _as_history(turn: Values) -> Values:
    """Return a turn of the history; one that calls functions takes the format of a reply."""
    value = turn["value"]
    if turn["from"] == "assistant":
        with suppress(ToolCallError):  # An answer in words stays as it is.
            value = write_calls(parse_calls(value))
    return {"from": turn["from"], "value": value}


def _users_text(turns: list[Values]) -> str:
    return "\n".join(turn["value"] for turn in turns if turn["from"] in USERS)


def _from_json(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except (json.JSONDecodeError, RecursionError):
        return None


def _split_up(settings: Settings) -> list[Part]:
    """Return one part per set: expert answers come from a source of their own."""
    if settings.gold_sft:
        return [Part(settings.source, settings.sets, _task_adapter)]
    experts = Part(
        settings.expert or settings.source,
        ("sft",),
        lambda columns: PublishedExpertAdapter,
        NO_THOUGHTS,
    )
    tasks = Part(settings.source, ("rl",), _task_adapter)
    return [part for part in (experts, tasks) if part.sets[0] in settings.sets]


def _task_adapter(columns: Sequence[str]) -> type[Adapter]:
    return PublishedSplitAdapter if "raw_system" in columns else ToolACEAdapter


SOURCE = PublicSource(
    name="toolace",
    summary="Tool use: ToolACE's calling turns, or the splits that Trinity's authors published.",
    hub_id="Team-ACE/ToolACE",
    sft=500,
    rl=5000,
    adapters=(ToolACEAdapter, PublishedSplitAdapter, PublishedExpertAdapter),
    split_up=_split_up,
)
