"""The paper's reward for tool use as a reward function of Trinity-RFT."""

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
    """CHORD's reward: 1 for exactly the right calls after one ``<think>…</think>``, else 0.

    YAML names it ``default_reward_fn_type: trinity_chord.ToolCallReward``, together with the
    workflow ``trinity_chord.ToolCallWorkflow``: Trinity's ``tool_call_workflow`` takes no reward
    function.

    Right means the same multiset of (name, arguments), in any order. Values are compared as JSON:
    ``1``, ``1.0``, ``"1"`` and ``true`` are four different ones. A reply can neither raise nor take
    more than time in proportion to its length.
    """

    def __init__(self) -> None:
        """Takes no ``reward_fn_args``."""

    def __call__(self, response: str, truth: str) -> dict[str, float]:
        """Scores a response.

        Args:
            response: The text of the rollout.
            truth: The right calls as JSON, ``[{"name": …, "arguments": {…}}, …]``: the column
                ``answer`` of the data.

        Raises:
            ValueError: ``truth`` is not that. A reward of 0 would train on a broken row unseen.
        """
        wanted = _wanted(truth)
        if not thinks_once_first(response):
            return {"accuracy": 0.0}
        try:
            found = _multiset(read_calls(response))
        except ToolCallError:
            return {"accuracy": 0.0}
        return {"accuracy": float(found == wanted)}


def _wanted(truth: object) -> Counter[tuple[str, str]]:
    try:
        if not isinstance(truth, str):
            raise ToolCallError(f"found a {type(truth).__name__}")
        value = decode_json(truth)
        # JSON within a JSON string, as Trinity takes it.
        return _multiset(calls_of(decode_json(value) if isinstance(value, str) else value))
    except ToolCallError as error:
        raise ValueError(
            f"the answer of a task is {_short(truth)}: {error}. Wanted: a JSON string of "
            '[{"name": …, "arguments": {…}}, …]. Mend or remove the row.'
        ) from error


def _multiset(calls: list[Call]) -> Counter[tuple[str, str]]:
    return Counter((call["name"], json.dumps(call["arguments"], sort_keys=True)) for call in calls)


def _short(value: object, most: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}…"
