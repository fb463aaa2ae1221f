"""The prompts of the paper's experiments: the same text in SFT, RL and evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def tool_messages(task: Mapping[str, Any]) -> list[dict[str, str]]:
    """Returns the chat of a tool-use task as Trinity's ``tool_call_workflow`` prompts it.

    Args:
        task: ``tools`` (a JSON list of functions), ``conversations`` (``{"from", "value"}``) and
            ``raw_system`` (what stands before the tools).
    """
    from trinity.common.workflows.customized_toolcall_workflows import construct_prompt

    return construct_prompt(task)
