"""One case as a conversation: what the policy is shown, and what follows from its replies.

The rules are those of bfcl-eval: a reply with calls is a step, its results follow, and a reply
without calls ends the turn; after too many steps in a turn, the policy is stopped. The format is
that of the paper's tool-use experiments (see `prompts.tool_messages`), the same as in `eval bfcl`.
"""

from __future__ import annotations

import json
from typing import Any

from trinity_chord.multi_turn.cases import MultiTurnCase
from trinity_chord.multi_turn.simulators import Steps, Texts
from trinity_chord.prompts import tool_messages
from trinity_chord.tool_calls import Call, ToolCallError, read_calls

HOW_TO_END = (
    "Results of your calls follow. As long as there is something left to call, reply with calls. "
    "Otherwise, end the turn with a short reply to the user and no <tool_call>."
)

ChatMessage = dict[str, str]


class Game:
    """A conversation about a case.

    Args:
        case: The case.
        texts: bfcl-eval's texts and limits.

    Attributes:
        messages: The conversation so far.
        turns: The calls of each step of each turn that has begun, for `Simulators.judge`.
        over: Whether no more reply is expected.
        stopped: Whether the policy was stopped because of too many steps, or by `stop`.
    """

    def __init__(self, case: MultiTurnCase, texts: Texts) -> None:
        self.case = case
        self._texts = texts
        self.messages: list[ChatMessage] = first_messages(case, texts)
        self.turns: list[Steps] = [[]]
        self.over = False
        self.stopped = False

    @property
    def steps(self) -> Steps:
        """The calls of all steps so far."""
        return [step for turn in self.turns for step in turn]

    def reply(self, text: str) -> list[Call]:
        """Take a reply of the policy.

        Args:
            text: The reply.

        Returns:
            Its calls, whose results must follow; none if the reply ends the turn.
        """
        self.messages.append({"role": "assistant", "content": text})
        try:
            calls = read_calls(text)
        except ToolCallError:
            calls = []
        if calls:
            self.turns[-1].append(calls)
        else:
            self._next_turn()
        return calls

    def results(self, texts: list[str]) -> None:
        """Take the results of the last reply's calls."""
        self.messages += [{"role": "tool", "content": text} for text in texts]
        if len(self.turns[-1]) > self._texts.max_steps:
            self.stop()

    def stop(self) -> None:
        """Expect no more replies."""
        self.over = self.stopped = True

    def _next_turn(self) -> None:
        number = len(self.turns)
        if number == len(self.case.questions):
            self.over = True
            return
        self.turns.append([])
        self.messages += turn_messages(self.case, number, self._texts)


def first_messages(case: MultiTurnCase, texts: Texts) -> list[ChatMessage]:
    """Return the system prompt with the functions, and the first turn's messages."""
    system = f"{texts.role}\n\n{texts.behavior}\n\n{HOW_TO_END}\n\n"
    task: dict[str, Any] = {
        "raw_system": system,
        "tools": json.dumps(case.functions),
        "conversations": [],
    }
    return [*tool_messages(task), *turn_messages(case, 0, texts)]


def turn_messages(case: MultiTurnCase, number: int, texts: Texts) -> list[ChatMessage]:
    """Return what begins a turn: the user's messages, or the functions that it adds."""
    added = case.added.get(number)
    if added is None:
        return [dict(message) for message in case.questions[number]]
    shown = "\n".join(json.dumps({"type": "function", "function": each}) for each in added)
    return [{"role": "user", "content": f"<tools>\n{shown}\n</tools>\n{texts.more_functions}"}]
