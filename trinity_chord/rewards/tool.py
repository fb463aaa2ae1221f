"""The paper's reward for tool use, as a reward function of Trinity-RFT."""

from __future__ import annotations

import json
from collections import Counter

from trinity.common.rewards.reward_fn import RewardFn

from trinity_chord.tool_calls import (
    Call,
    ToolCallError,
    calls_of,
    decode_json,
    read_calls,
    thinks_once_first,
)


class ToolCallReward(RewardFn):
    """CHORD's reward: 1 for exactly the correct calls after one `<think>…</think>`, otherwise 0.

    In YAML: `default_reward_fn_type: trinity_chord.ToolCallReward`, together with the workflow
    `trinity_chord.ToolCallWorkflow`, since Trinity's `tool_call_workflow` takes no reward function.

    Correct means the same multiset of (name, arguments), in any order. Values are compared as JSON:
    `1`, `1.0`, `"1"` and `true` are four different values. No reply makes this raise or take more
    than time proportional to its length.
    """

    def __init__(self) -> None:
        """Take no `reward_fn_args`."""

    def __call__(self, response: str, truth: str) -> dict[str, float]:
        """Score a response.

        Args:
            response: The text of the rollout.
            truth: The correct calls as JSON, `[{"name": …, "arguments": {…}}, …]`: the column
                `answer` of the data.

        Returns:
            `accuracy`, 0 or 1.

        Raises:
            ValueError: `truth` has another form. A reward of 0 would hide a broken row.
        """
        expected = _expected(truth)
        if not thinks_once_first(response):
            return {"accuracy": 0.0}
        try:
            found = _multiset(read_calls(response))
        except ToolCallError:
            return {"accuracy": 0.0}
        return {"accuracy": float(found == expected)}


def _expected(truth: object) -> Counter[tuple[str, str]]:
    try:
        if not isinstance(truth, str):
            raise ToolCallError(f"got a {type(truth).__name__}")
        value = decode_json(truth)
        # Like Trinity, accept JSON within a JSON string.
        return _multiset(calls_of(decode_json(value) if isinstance(value, str) else value))
    except ToolCallError as error:
        raise ValueError(
            f"`answer` of a task: got {_short(truth)} ({error}), expected a JSON string of "
            '[{"name": …, "arguments": {…}}, …]; fix or remove the row'
        ) from error


def _multiset(calls: list[Call]) -> Counter[tuple[str, str]]:
    return Counter((call["name"], json.dumps(call["arguments"], sort_keys=True)) for call in calls)


def _short(value: object, max_characters: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= max_characters else f"{text[:max_characters]}…"
