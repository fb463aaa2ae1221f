"""Trinity's tool-call workflow with a configurable reward function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trinity.common.workflows.customized_toolcall_workflows import (
    ToolCallWorkflow as TrinityToolCallWorkflow,
)

from trinity_chord.rewards.tool import ToolCallReward

if TYPE_CHECKING:
    from trinity.common.experience import Experience
    from trinity.common.workflows.workflow import Task

ANSWER = "answer"


class ToolCallWorkflow(TrinityToolCallWorkflow):
    """Trinity's `tool_call_workflow`, scored by the task's reward function.

    In YAML: `default_workflow_type: trinity_chord.ToolCallWorkflow`. Prompts and columns are those
    of Trinity's workflow. Trinity's always scores with its own function, which raises on some
    replies (`<tool_call>5</tool_call>`, an integer of 5,000 digits, deep nesting), and then the
    whole group of rollouts is lost. Without `default_reward_fn_type`, the reward is
    `ToolCallReward`.
    """

    def reset(self, task: Task) -> None:
        """Start the next task; its reward function is created with its `reward_fn_args`."""
        super().reset(task)
        # Trinity samples with the arguments of `self.task`, and would keep its runner's first task.
        self.task = task
        self.reward_fn = (task.reward_fn or ToolCallReward)(**task.reward_fn_args)

    async def run_async(self) -> list[Experience]:
        """Sample replies to the task and score each.

        Raises:
            ValueError: The task has no answer, or its answer is not a list of calls.
        """
        if not self.raw_task or self.raw_task.get(ANSWER) is None:
            columns = ", ".join(self.raw_task or {}) or "none"
            raise ValueError(
                f"task for tool use without {ANSWER!r}: got the columns {columns}, expected tools, "
                "conversations, answer, raw_system"
            )
        responses = await self.model.chat_async(self.format_prompt(), **self.rollout_args)
        for run, response in enumerate(responses):
            scores = self.reward_fn(
                response=response.response_text or "", truth=self.raw_task[ANSWER]
            )
            response.metrics = {**(response.metrics or {}), **scores}
            response.reward = sum(scores.values())
            response.eid.run = run + self.run_id_base
        return responses
