"""The package's workflows, and vLLM's OpenAI server, on Trinity's vLLM engine."""

import asyncio
import json

import pytest
from trinity.buffer.schema.formatter import TaskFormatter
from trinity.common.config import FormatConfig, GenerationConfig, TasksetConfig

from tests.vllm import chats

pytestmark = [pytest.mark.vllm, pytest.mark.slow]


def sampling(**arguments):
    """Return a task's arguments as Trinity completes them; the model is sure of its answers."""
    return GenerationConfig(n=2, temperature=0.1, top_p=1.0, top_k=-1, logprobs=0, **arguments)


def math_task(question: str, answer: str, **arguments):
    config = TasksetConfig(
        default_workflow_type="trinity_chord.MathWorkflow",
        format=FormatConfig(prompt_key="problem", response_key="answer"),
        rollout_args=sampling(**arguments),
    )
    return TaskFormatter(config).format({"problem": question, "answer": answer})


def test_a_complete_answer_is_rewarded_and_not_masked(model):
    rollouts = math_task(chats.QUESTION, "4").to_workflow(model=model).run()
    assert [r.response_text for r in rollouts] == [chats.ANSWER] * 2
    assert [r.metrics["accuracy"] for r in rollouts] == [1.0, 1.0]
    assert [r.info["truncated"] for r in rollouts] == [False, False]
    assert [r.truncate_status for r in rollouts] == [None, None]


def test_an_answer_cut_off_by_the_models_limit_is_detected_and_masked(model):
    rollouts = math_task(chats.LONG_QUESTION, "40").to_workflow(model=model).run()
    assert {len(r.tokens) - r.prompt_length for r in rollouts} == {48}
    assert chats.LONG_ANSWER.startswith(rollouts[0].response_text)
    assert [r.info["truncated"] for r in rollouts] == [True, True]
    assert [r.truncate_status for r in rollouts] == ["response_truncated"] * 2
    assert [r.metrics["truncated"] for r in rollouts] == [1.0, 1.0]


def test_a_tasks_own_limit_is_used_and_a_cut_off_answer_detected(model):
    rollouts = math_task(chats.QUESTION, "4", max_tokens=6).to_workflow(model=model).run()
    assert {len(r.tokens) - r.prompt_length for r in rollouts} == {6}
    assert [r.info["truncated"] for r in rollouts] == [True, True]


def test_a_tasks_own_temperature_is_used(model):
    task = math_task(chats.QUESTION, "4")
    task.rollout_args.n, task.rollout_args.temperature = 8, 50.0
    rollouts = task.to_workflow(model=model).run()
    assert len({r.response_text for r in rollouts}) == 8


def test_reasoning_and_tool_calls_reach_the_reward(model):
    config = TasksetConfig(
        default_workflow_type="trinity_chord.ToolCallWorkflow", rollout_args=sampling()
    )
    workflow = TaskFormatter(config).format(chats.TOOL_ROW).to_workflow(model=model)
    rollouts = asyncio.run(workflow.run_async())
    assert [r.response_text for r in rollouts] == [chats.TOOL_REPLY] * 2
    assert [r.reward for r in rollouts] == [1.0, 1.0]


def test_the_openai_server_separates_reasoning_and_tool_calls(model):
    client = model.get_openai_client()
    parameters = {"type": "object", "properties": {"x": {"type": "integer"}}}
    tool = {"type": "function", "function": {"name": "add", "parameters": parameters}}
    reply = client.chat.completions.create(
        model=client.model_path,
        messages=[{"role": "user", "content": chats.SERVER_QUESTION}],
        temperature=0.0,
        tools=[tool],
    )
    (choice,) = reply.choices
    (call,) = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls"
    assert choice.message.reasoning == "I need to add."
    assert call.function.name == chats.SERVER_CALL["name"]
    assert json.loads(call.function.arguments) == chats.SERVER_CALL["arguments"]
