"""The prompts of the paper's experiments: the same text in SFT, RL and evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The system prompt of Trinity's `math_boxed_workflow` with `with_think: true`, verbatim. It cannot
# be imported, since Trinity has it inside a method. A test checks that both are equal.
MATH_SYSTEM_PROMPT = (
    "You are a helpful assistant that solves MATH problems. You should first thinks about the "
    "reasoning process in mind and then provides the user with the answer. You should present "
    "your reasoning process using the format: <think>\n ...your reasoning process here... "
    "</think>\n first. You should always include your final answer in \\boxed{} as closed-form "
    "results."
)


def math_messages(problem: str) -> list[dict[str, str]]:
    """Return the chat of a math problem as Trinity's `math_boxed_workflow` builds it.

    Args:
        problem: The text of the problem.
    """
    return [
        {"role": "system", "content": MATH_SYSTEM_PROMPT},
        {"role": "user", "content": problem},
    ]


def tool_messages(task: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the chat of a tool-use task as Trinity's `tool_call_workflow` builds it.

    Args:
        task: `tools` (a JSON list of functions), `conversations` (`{"from", "value"}`) and
            `raw_system` (the text before the tools).
    """
    from trinity.common.workflows.customized_toolcall_workflows import construct_prompt

    messages: list[dict[str, str]] = construct_prompt(task)
    return messages
