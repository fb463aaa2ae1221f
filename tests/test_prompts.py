"""The prompts equal those of Trinity's workflows."""

import inspect

from tests.data.sources import rl_split_row
from trinity_chord.cpu import activate
from trinity_chord.prompts import MATH_SYSTEM_PROMPT, math_messages, tool_messages

activate()


def test_the_system_prompt_equals_that_of_the_math_workflow_with_thinking():
    from trinity.common.config import FormatConfig
    from trinity.common.workflows import Task
    from trinity.common.workflows.customized_math_workflows import MathBoxedWorkflow

    task = Task(
        workflow=MathBoxedWorkflow,
        raw_task={"problem": "1+1?", "answer": "2"},
        format_args=FormatConfig(prompt_key="problem", response_key="answer"),
        workflow_args={"with_think": True},
    )
    workflow = MathBoxedWorkflow(task=task, model=None)
    assert workflow.system_prompt == MATH_SYSTEM_PROMPT
    assert workflow.format_messages() == math_messages("1+1?")


def test_tool_messages_equal_those_of_the_tool_workflow():
    from trinity.common.workflows import customized_toolcall_workflows as theirs

    assert tool_messages(rl_split_row(0)) == theirs.construct_prompt(rl_split_row(0))
    assert "async" in inspect.getsource(theirs.ToolCallWorkflow.run_async)
