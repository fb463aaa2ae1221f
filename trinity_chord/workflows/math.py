"""Trinity's math workflow for rewards that look at truncation."""

from __future__ import annotations

from trinity.common.experience import Experience
from trinity.common.workflows.customized_math_workflows import MathBoxedWorkflow
from trinity.common.workflows.workflow import Task

from trinity_chord.rewards.math import MathReward
from trinity_chord.workflows.truncation import MarkingModel


class MathWorkflow(MathBoxedWorkflow):
    """Trinity's `math_boxed_workflow`, which also tells the reward what was cut off.

    YAML names it `default_workflow_type: trinity_chord.MathWorkflow`. Its prompts, arguments and
    results are those of `math_boxed_workflow`; without a reward function it takes `MathReward`. In
    Trinity 0.6 the engines do not mark a chat's response that was cut off, so that neither the
    reward nor the mask which Trinity has for it ever comes about. Here both do:

    - `info["truncated"]` of each rollout is set before it is rewarded;
    - its tokens are left out of the loss, as Trinity means it: the reward then counts in the
      advantages of its group alone. `workflow_args: {mask_truncated: false}` keeps them in, so that
      a negative advantage also makes such a response less likely.

    Each rollout's metrics get `truncated`, and `not_verified`: its answer could not be compared.

    Raises:
        ValueError: `mask_truncated` is not a boolean.
    """

    def reset(self, task: Task) -> None:
        """Take the next task."""
        super().reset(task)
        self.task = task
        if task.reward_fn is None:
            self.reward_fn = MathReward(**self.reward_fn_args)
        self.mask_truncated = self.workflow_args.get("mask_truncated", True)
        if not isinstance(self.mask_truncated, bool):
            raise ValueError(
                f"workflow_args.mask_truncated: got {self.mask_truncated!r}, expected true or false"
            )

    def run(self) -> list[Experience]:
        """Chat, reward the responses, and say which were cut off."""
        model = self.model
        self.model = MarkingModel(
            model, mask=self.mask_truncated, max_tokens=self.task.rollout_args.max_tokens
        )
        try:
            responses = super().run()
        finally:
            self.model = model
        for response in responses:
            response.metrics["truncated"] = float(response.info["truncated"])
            response.metrics["not_verified"] = float("not_verified" in response.info)
        return responses
