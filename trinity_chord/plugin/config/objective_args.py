"""`algorithm.policy_loss_fn_args` as users write it: keys, bounds, defaults, descriptions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from trinity_chord.objective import AGGREGATION_MODES
from trinity_chord.objective.losses import CLIP_HIGH, CLIP_LOW, DUAL_CLIP
from trinity_chord.plugin.config.settings import (
    Flag,
    NonNegative,
    Number,
    OneOf,
    RuleName,
    Settings,
    UnitInterval,
    Whole,
)

AggregationMode = Annotated[str, OneOf(AGGREGATION_MODES)]
Arguments = dict[str, Any]


class ExpertTermArgs(Settings):
    """The expert term."""

    token_weight: RuleName = Field(default="phi", description="How much each expert token counts.")
    token_weight_args: Arguments = Field(default={}, description="Arguments of the token weight.")
    enable_phi_function: Flag | None = Field(
        default=None,
        description="As in `mix_chord`: true is the token weight `phi`, false is `sft`.",
    )
    row_weight: RuleName = Field(
        default="all",
        description="How much each expert row counts; multiplies the weights of its tokens.",
    )
    row_weight_args: Arguments = Field(default={}, description="Arguments of the row weight.")


class OnPolicyTermArgs(Settings):
    """The on-policy term."""

    rl_loss: RuleName = Field(
        default="ppo", description="The loss of rollouts: `ppo`, another of Trinity's, or your own."
    )
    rl_loss_args: Arguments = Field(
        default={}, description="Arguments of an `rl_loss` other than `ppo`."
    )


class ClipArgs(Settings):
    """The clip of `rl_loss: ppo`."""

    clip_range: UnitInterval | None = Field(
        default=None,
        description="Both clip ranges at once; one that is given itself takes precedence.",
    )
    clip_range_low: UnitInterval = Field(default=CLIP_LOW, description="ε_low of the ratio's clip.")
    clip_range_high: NonNegative = Field(
        default=CLIP_HIGH, description="ε_high of the ratio's clip."
    )
    clip_ratio_c: Annotated[Number, Field(gt=1)] = Field(
        default=DUAL_CLIP, description="c of the dual clip, for negative advantages."
    )

    def clips(self) -> dict[str, float]:
        """Return ε_low, ε_high and c by the names of the loss's arguments."""
        both = self.clip_range
        low = self.clip_range_low if both is None or self.has("clip_range_low") else both
        high = self.clip_range_high if both is None or self.has("clip_range_high") else both
        return {
            "clip_range_low": low,
            "clip_range_high": high,
            "clip_ratio_c": self.clip_ratio_c,
        }


class WarmupCosineArgs(Settings):
    """The default μ schedule, `warmup_cosine`, by the keys of `mix_chord`."""

    mu_warmup_steps: Whole = Field(default=0, description="Steps of the linear warm-up from 0.")
    mu_decay_steps: Whole = Field(default=0, description="Steps of the cosine that follows.")
    mu_peak: UnitInterval = Field(default=0.1, description="μ after the warm-up.")
    mu_valley: UnitInterval = Field(default=0.1, description="μ after the cosine.")

    def schedule_args(self) -> dict[str, Any]:
        """Return the arguments of the μ rule `warmup_cosine`."""
        return {
            key.removeprefix("mu_"): getattr(self, key) for key in WarmupCosineArgs.model_fields
        }


class MuRuleArgs(Settings):
    """Any other μ rule."""

    mu_schedule: RuleName | None = Field(
        default=None, description="A μ rule, in place of the four keys above."
    )
    mu_schedule_args: Arguments = Field(default={}, description="Arguments of that rule.")


class AggregationArgs(Settings):
    """Aggregation of token losses."""

    loss_agg_mode: AggregationMode | None = Field(
        default=None,
        description="For all rows, as `algorithm.loss_agg_mode`; `token-mean` if neither is given.",
    )
    grpo_loss_agg_mode: AggregationMode | None = Field(
        default=None, description="For on-policy rows; the mode of all rows if not given."
    )
    sft_loss_agg_mode: AggregationMode | None = Field(
        default=None, description="For expert rows; the mode of all rows if not given."
    )


class BatchClaims(Settings):
    """The batch numbers of `mix_chord`: accepted and derived; a warning corrects a wrong one."""

    use_dynamic_bsz: Flag | None = Field(default=None, description="`trainer.use_dynamic_bsz`.")
    ppo_mini_batch_size: Whole | None = Field(default=None, description="Rows of a train batch.")
    ppo_micro_batch_size_per_gpu: Whole | None = Field(
        default=None, description="Rows of a micro-batch, if its size is fixed."
    )
    ngpus_trainer: Whole | None = Field(default=None, description="GPUs of the trainer.")
    train_batch_size_usual: Whole | None = Field(
        default=None, description="On-policy rows of a batch."
    )
    train_batch_size_expert: Whole | None = Field(
        default=None, description="Expert rows of a batch."
    )


class ObjectiveArgs(  # pydantic puts the fields of the last base first
    BatchClaims,
    AggregationArgs,
    MuRuleArgs,
    WarmupCosineArgs,
    ClipArgs,
    OnPolicyTermArgs,
    ExpertTermArgs,
):
    """All keys of `algorithm.policy_loss_fn_args`. Every key is optional.

    The defaults are those of Trinity's `mix_chord`. An algorithm type holds the values that it
    sets in their place as another instance of this class.
    """

    def over(self, preset: ObjectiveArgs) -> ObjectiveArgs:
        """Return the values given here, and the preset's for all other keys."""
        given = {key: getattr(self, key) for key in self.model_fields_set}
        return preset.model_copy(update=given)
