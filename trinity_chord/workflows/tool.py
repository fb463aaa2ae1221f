"""Trinity's tool-call workflow with a reward function that the configuration names."""

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
    """Trinity's ``tool_call_workflow``, scored by the task's reward function.

    YAML names it ``default_workflow_type: trinity_chord.ToolCallWorkflow``. Prompts and columns are
    those of Trinity's workflow. That one always scores by its own function, which some replies
    make raise (``<tool_call>5</tool_call>``, an integer of 5,000 digits, deep nesting): the whole
    group of rollouts is lost then. Without ``default_reward_fn_type`` the reward is
    ``ToolCallReward``.
    """

    def reset(self, task: Task) -> None:
        """Takes the next task; its reward function is made with its ``reward_fn_args``."""
        super().reset(task)
        # Trinity samples with the arguments of `self.task`, and keeps its runner's first one there.
        self.task = task
        self.reward_fn = (task.reward_fn or ToolCallReward)(**task.reward_fn_args)

    async def run_async(self) -> list[Experience]:
        """Samples the replies to the task and scores each.

        Raises:
            ValueError: The task has no answer, or one that is no list of calls.
        """
        if not self.raw_task or self.raw_task.get(ANSWER) is None:
            columns = ", ".join(self.raw_task or {}) or "none"
            raise ValueError(
                f"a task for tool use has no {ANSWER!r}; its columns: {columns}. Wanted: tools, "
                "conversations, answer, raw_system."
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
