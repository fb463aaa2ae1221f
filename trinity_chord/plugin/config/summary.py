"""Logs what was derived, and which of the numbers that the user gave are wrong."""

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
        "CHORD: no on-policy rows: this run is pure imitation (μ = 1), whatever `mu_*` says; an "
        "explorer still makes rollouts for their metrics."
    ),
}


def log_summary(
    config: Config,
    objective: ObjectiveSettings,
    plan: BatchPlan,
    gpus: int,
    notices: Sequence[str] = (),
) -> None:
    """Log the derived numbers, and a warning for each wrong number that the user gave.

    Args:
        config: Trinity's configuration, derived.
        objective: The objective, with the batch numbers that the user gave.
        plan: The rows of a train batch.
        gpus: The trainer's GPUs.
        notices: Further messages, such as keys that were changed.
    """
    logger = get_logger(__name__)
    logger.info(
        "CHORD: a train batch of %d rows, %d on-policy and %d expert, in one optimizer step; "
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
    for line in notices:
        logger.warning(line)
    actual = _actual_numbers(config, plan, gpus)
    for key, claim in objective.batch_claims.items():
        if key in actual and claim != actual[key]:
            logger.warning(
                "`%s.%s`: got %r, but it is %r; the key is not needed and can be left out.",
                LOSS_ARGS,
                key,
                claim,
                actual[key],
            )
    if config.algorithm.kl_penalty_fn not in (None, "none"):
        logger.warning(
            "`algorithm.kl_penalty_fn`: got %r, which has no effect, because advantages are "
            "computed in the explorer; use `algorithm.kl_loss_fn` for a KL term.",
            config.algorithm.kl_penalty_fn,
        )


def _actual_numbers(config: Config, plan: BatchPlan, gpus: int) -> dict[str, Any]:
    """Return the numbers that Trinity's `mix_chord` needs by hand, as they are in this run."""
    numbers = {
        "use_dynamic_bsz": config.trainer.use_dynamic_bsz,
        "ppo_mini_batch_size": plan.train_batch_size,
        "ngpus_trainer": gpus,
        "train_batch_size_usual": plan.on_policy_rows,
        "train_batch_size_expert": plan.expert_rows,
    }
    micro_batch = actor_settings(config).get("ppo_micro_batch_size_per_gpu")
    if not config.trainer.use_dynamic_bsz and micro_batch is not None:
        numbers["ppo_micro_batch_size_per_gpu"] = micro_batch
    return numbers
