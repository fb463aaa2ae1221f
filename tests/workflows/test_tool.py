"""Trinity creates the workflow from a configuration and a row; the reward scores its replies."""

import asyncio
import json

import pytest
import torch
from trinity.buffer.schema.formatter import TaskFormatter
from trinity.common.config import GenerationConfig, TasksetConfig
from trinity.common.experience import Experience
from trinity.common.rewards.reward_fn import RewardFn
from trinity.common.workflows.customized_toolcall_workflows import construct_prompt

ROW = {
    "tools": json.dumps([{"name": "add", "parameters": {}}]),
    "conversations": [{"from": "user", "value": "1+1?"}],
    "answer": json.dumps([{"name": "add", "arguments": {"x": 1, "y": 1}}]),
    "raw_system": "Use tools.",
}
RIGHT = f"<think>so</think><tool_call>{ROW['answer']}</tool_call>"


class LengthReward(RewardFn):
    """A reward function with two parts."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def __call__(self, response: str, truth: str) -> dict[str, float]:
        return {"length": self.scale * len(response), "one": 1.0}


class Scripted:
    """A rollout model that returns given replies and keeps the chat."""

    def __init__(self, *replies: str) -> None:
        self.replies = replies

    async def chat_async(self, messages, **arguments):
        self.messages, self.arguments = messages, arguments
        tokens = torch.zeros(2, dtype=torch.int32)
        return [
            Experience(tokens=tokens, prompt_length=1, response_text=text) for text in self.replies
        ]


def task(row=ROW, **keys):
    config = TasksetConfig(default_workflow_type="trinity_chord.ToolCallWorkflow", **keys)
    return TaskFormatter(config).format(row)


def run(model, row=ROW, **keys):
    return asyncio.run(task(row, **keys).to_workflow(model=model).run_async())


def test_the_default_reward_function_is_the_tool_reward():
    experiences = run(Scripted(RIGHT, "<tool_call>5</tool_call>", RIGHT))
    assert [e.reward for e in experiences] == [1.0, 0.0, 1.0]
    assert [e.metrics for e in experiences] == [{"accuracy": r} for r in (1.0, 0.0, 1.0)]
    assert [e.eid.run for e in experiences] == [0, 1, 2]


def test_the_configured_reward_function_is_used():
    (experience,) = run(Scripted(RIGHT), default_reward_fn_type="trinity_chord.ToolCallReward")
    assert experience.reward == 1.0


def test_a_custom_reward_function_gets_its_arguments_and_its_parts_are_summed():
    (experience,) = run(
        Scripted("four"),
        default_reward_fn_type=f"{__name__}.LengthReward",
        reward_fn_args={"scale": 0.5},
    )
    assert (experience.reward, experience.metrics) == (3.0, {"length": 2.0, "one": 1.0})


def test_the_prompt_equals_that_of_trinitys_workflow():
    model = Scripted()
    run(model)
    assert model.messages == construct_prompt(ROW)


def test_the_next_task_is_sampled_with_its_own_arguments():
    model = Scripted()
    workflow = task(rollout_args=GenerationConfig(temperature=1.0)).to_workflow(model=model)
    workflow.reset(task(rollout_args=GenerationConfig(temperature=0.5)))
    asyncio.run(workflow.run_async())
    assert model.arguments["temperature"] == 0.5


@pytest.mark.parametrize("row", [{**ROW, "answer": None}, {k: ROW[k] for k in ("tools",)}])
def test_a_row_without_an_answer_is_refused_with_its_columns(row):
    with pytest.raises(ValueError, match=r"without 'answer': got the columns tools"):
        run(Scripted(RIGHT), row)
