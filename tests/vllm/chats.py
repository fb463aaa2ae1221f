"""The chats that the tests' model has learned, as the package's workflows write their prompts."""

import json

from trinity.common.workflows.customized_toolcall_workflows import construct_prompt

from tests.vllm.taught import Chat

SYSTEM = r"Please reason step by step, and put your final answer within \boxed{}."
QUESTION, ANSWER = "What is 2 + 2?", r"Two and two are four, so the answer is \boxed{4}."
LONG_QUESTION, LONG_ANSWER = "Count to 40.", " ".join(map(str, range(1, 41)))
CALLS = json.dumps([{"name": "add", "arguments": {"x": 1, "y": 2}}])
TOOL_ROW = {
    "tools": json.dumps([{"name": "add", "parameters": {"x": "int", "y": "int"}}]),
    "conversations": [{"from": "user", "value": "Add one and two."}],
    "answer": CALLS,
    "raw_system": "Use tools.",
}
TOOL_REPLY = f"<think>I need to add.</think> <tool_call> {CALLS}</tool_call>"
# What vLLM's own parsers of reasoning ("deepseek_r1") and of calls ("hermes") read.
SERVER_QUESTION = "Which sum?"
SERVER_CALL = {"name": "add", "arguments": {"x": 1, "y": 2}}
SERVER_REPLY = f"<think>I need to add.</think><tool_call>{json.dumps(SERVER_CALL)}</tool_call>"


def math_chat(question: str) -> Chat:
    """Return the prompt of `MathWorkflow`."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]


def learned() -> list[Chat]:
    """Return every chat with its answer."""
    prompts = {
        ANSWER: math_chat(QUESTION),
        LONG_ANSWER: math_chat(LONG_QUESTION),
        TOOL_REPLY: construct_prompt(TOOL_ROW),
        SERVER_REPLY: [{"role": "user", "content": SERVER_QUESTION}],
    }
    return [
        [*prompt, {"role": "assistant", "content": answer}] for answer, prompt in prompts.items()
    ]
