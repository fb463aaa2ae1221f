"""Trinity's math workflow for rewards that depend on truncation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trinity.common.experience import Experience
from trinity.common.workflows.customized_math_workflows import MathBoxedWorkflow
from trinity.common.workflows.workflow import Task

from trinity_chord.errors import ChordConfigError
from trinity_chord.rewards.math import MathReward
from trinity_chord.workflows.truncation import MarkingModel

if TYPE_CHECKING:
    from trinity.common.models.model import ModelWrapper


class MathWorkflow(MathBoxedWorkflow):
    """Trinity's `math_boxed_workflow`, which also reports truncation to the reward.

    In YAML: `default_workflow_type: trinity_chord.MathWorkflow`. Prompts, arguments and results are
    those of `math_boxed_workflow`; without a reward function it uses `MathReward`. The engines of
    Trinity 0.6 do not mark truncated chat responses, so that neither a reward nor Trinity's mask
    for them takes effect. In this workflow both do:

    - `info["truncated"]` of each rollout is set before it is rewarded.
    - The tokens of a truncated rollout are left out of the loss, as Trinity intends: its reward
      counts only in the advantages of its group. `workflow_args: {mask_truncated: false}` keeps
      them in the loss, so that a negative advantage also makes such a response less likely.

    Each rollout gets the metrics `truncated` and `not_verified` (its answer was not compared).

    Raises:
        ChordConfigError: `mask_truncated` is not a boolean.
    """

    model: ModelWrapper | MarkingModel

    def reset(self, task: Task) -> None:
        """Start the next task."""
        super().reset(task)
        self.task = task
        if task.reward_fn is None:
            self.reward_fn = MathReward(**self.reward_fn_args)
        self.mask_truncated = self.workflow_args.get("mask_truncated", True)
        if not isinstance(self.mask_truncated, bool):
            raise ChordConfigError(
                f"`workflow_args.mask_truncated`: got {self.mask_truncated!r}, expected true or "
                "false"
            )

    def run(self) -> list[Experience]:
        """Sample responses, reward them, and mark those that were cut off."""
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
