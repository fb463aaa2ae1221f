"""Tells a user what was derived, and which of the numbers given by hand are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trinity.utils.log import get_logger

from trinity_chord.plugin.backends.verl import actor_settings
from trinity_chord.plugin.config.batch_plan import BatchPlan
from trinity_chord.plugin.config.objective_settings import ObjectiveSettings
from trinity_chord.plugin.names import LOSS_ARGS

if TYPE_CHECKING:
    from trinity.common.config import Config

PURE = {
    "rl": "CHORD: no expert rows: this run is pure RL (μ = 0), whatever `mu_*` says.",
    "imitation": (
        "CHORD: no on-policy rows: this run is pure imitation (μ = 1), whatever `mu_*` says; "
        "rollouts are still made for their metrics where there is an explorer."
    ),
}


def tell(
    config: Config,
    objective: ObjectiveSettings,
    plan: BatchPlan,
    gpus: int,
    changes: Sequence[str] = (),
) -> None:
    """Logs the derived numbers, and a warning for each claim of the user's that is wrong.

    Args:
        config: Trinity's configuration.
        objective: The settings, with the user's claims about the batch.
        plan: The rows of a train batch.
        gpus: The trainer's GPUs.
        changes: Keys of the user's that were set to something else, one line each.
    """
    logger = get_logger(__name__)
    logger.info(
        "CHORD: a train batch of %d rows, %d on-policy and %d expert, in one optimiser step; "
        "token weight %s, μ %s %s.",
        plan.train_batch_size,
        plan.on_policy_rows,
        plan.expert_rows,
        objective.token_weight,
        objective.mu_schedule,
        objective.mu_schedule_args,
    )
    if plan.pure:
        logger.warning(PURE[plan.pure])
    for line in changes:
        logger.warning(line)
    right = _right_numbers(config, plan, gpus)
    for key, claim in objective.batch_claims.items():
        if key in right and claim != right[key]:
            logger.warning(
                "`%s.%s`: got %r, right is %r; it is worked out here and can be left out.",
                LOSS_ARGS,
                key,
                claim,
                right[key],
            )
    if config.algorithm.kl_penalty_fn not in (None, "none"):
        logger.warning(
            "`algorithm.kl_penalty_fn`: got %r, which has no effect: advantages are worked out "
            "in the explorer. Use `algorithm.kl_loss_fn` for a KL term.",
            config.algorithm.kl_penalty_fn,
        )


def _right_numbers(config: Config, plan: BatchPlan, gpus: int) -> dict[str, Any]:
    """The six numbers that Trinity's mix_chord has to be told, as they are."""
    right = {
        "use_dynamic_bsz": config.trainer.use_dynamic_bsz,
        "ppo_mini_batch_size": plan.train_batch_size,
        "ngpus_trainer": gpus,
        "train_batch_size_usual": plan.on_policy_rows,
        "train_batch_size_expert": plan.expert_rows,
    }
    micro_batch = actor_settings(config).get("ppo_micro_batch_size_per_gpu")
    if not config.trainer.use_dynamic_bsz and micro_batch is not None:
        right["ppo_micro_batch_size_per_gpu"] = micro_batch
    return right
