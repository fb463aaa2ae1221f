"""Derives a run's whole configuration from the few keys that a user gives, or refuses it.

Called from `AlgorithmType.check_config`, which Trinity runs before its own buffer, trainer and
length checks and before any actor or GPU is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trinity.utils.log import get_logger

from trinity_chord.plugin import names
from trinity_chord.plugin.batch_plan import BatchPlan, BatchPlanError, plan_batch
from trinity_chord.plugin.cluster import data_parallel_ranks
from trinity_chord.plugin.data_settings import DataSettings, check_buffers, read_data
from trinity_chord.plugin.experts import expert_stream_args, open_experts
from trinity_chord.plugin.objective_settings import ObjectiveSettings, read_objective
from trinity_chord.plugin.problems import Problems

if TYPE_CHECKING:
    from trinity.common.config import Config


def derive(config: Config, defaults: Mapping[str, Any]) -> None:
    """Checks a configuration and completes it in place. Doing it again changes nothing.

    Args:
        config: Trinity's configuration, as loaded from YAML.
        defaults: The preset's values for objective keys that YAML leaves out.

    Raises:
        ChordConfigError: Every problem found, each with its key, the value found and the value
            wanted; nothing has been changed that a process could see.
    """
    algorithm = config.algorithm
    if (algorithm.sample_strategy_args or {}).get(names.DERIVED):
        return
    problems = Problems()
    _check_parts(config, problems)
    objective = read_objective(
        algorithm.policy_loss_fn_args or {}, defaults, algorithm.loss_agg_mode, problems
    )
    data = read_data(algorithm.sample_strategy_args or {}, problems)
    check_buffers(config, data, problems)
    plan = None if problems.lines else _plan(config, data, problems)
    title = f"The configuration of `{algorithm.algorithm_type}` cannot be run:"
    problems.raise_if_any(title)
    assert plan is not None
    _check_experts(config, data, problems)
    problems.raise_if_any(title)
    _write(config, objective, data, plan)
    _tell(config, objective, data, plan)


def _check_parts(config: Config, problems: Problems) -> None:
    """Our loss and our sample strategy work only together; Trinity's own are replaced."""
    algorithm = config.algorithm
    strategy, loss = algorithm.sample_strategy, algorithm.policy_loss_fn
    if strategy not in (*names.REPLACED_STRATEGIES, names.SAMPLE_STRATEGY):
        problems.add(
            "algorithm.sample_strategy",
            strategy,
            f"{names.SAMPLE_STRATEGY!r} or nothing",
            "only it stamps the coefficients that the loss adds up",
        )
    if loss not in (*names.REPLACED_LOSSES, names.POLICY_LOSS, names.POLICY_LOSS_WITH_KL):
        problems.add("algorithm.policy_loss_fn", loss, f"{names.POLICY_LOSS!r} or nothing")
    entropy = algorithm.entropy_loss_fn
    if entropy not in (None, "none", *names.REPLACED_ENTROPIES, names.ENTROPY_LOSS):
        problems.add(
            "algorithm.entropy_loss_fn",
            entropy,
            f"{names.ENTROPY_LOSS!r} or 'none'",
            "another one is a mean over a micro-batch and would change with the cut",
        )
    if algorithm.enable_router_replay:
        problems.add(
            "algorithm.enable_router_replay",
            True,
            "false",
            "expert rows have no routing of the rollout engine to replay",
        )


def _plan(config: Config, data: DataSettings, problems: Problems) -> BatchPlan | None:
    try:
        return plan_batch(
            rollouts=_rollouts(config),
            share=data.share,
            expert_rows=data.expert_rows,
            train_batch_size=config.buffer.train_batch_size or None,
            ranks=data_parallel_ranks(config),
        )
    except BatchPlanError as error:
        problems.add_text(f"batch: {error}")
    except ValueError as error:
        problems.add_text(f"`cluster`: {error}")
    return None


def _rollouts(config: Config) -> int | None:
    """On-policy rows that the explorer makes for one training step."""
    if config.mode not in ("both", "colocate"):
        return None
    if config.data_processor.experience_pipeline.operators and config.buffer.train_batch_size:
        return None  # they may drop or add rows: the user's number is the only one known
    return _prompts_times_rollouts(config)


def _prompts_times_rollouts(config: Config) -> int:
    sync = config.synchronizer
    explorer = sync.explorer_sync_interval or sync.sync_interval
    trainer = sync.trainer_sync_interval or sync.sync_interval
    made = config.buffer.batch_size * config.algorithm.repeat_times * explorer
    if made % trainer:
        raise BatchPlanError(
            f"the explorer makes {made} rows between two syncs, which {trainer} training steps "
            "cannot share; change `synchronizer.trainer_sync_interval`"
        )
    return made // trainer


def _check_experts(config: Config, data: DataSettings, problems: Problems) -> None:
    """Reads and tokenises the expert data now, so that bad data stops the run before it starts."""
    if data.pure == "rl":
        return
    try:
        open_experts(
            config.buffer.trainer_input.auxiliary_buffers, expert_stream_args(config, data)
        )
    except (ValueError, OSError) as error:
        problems.add_text(str(error))


def _write(
    config: Config, objective: ObjectiveSettings, data: DataSettings, plan: BatchPlan
) -> None:
    algorithm = config.algorithm
    config.buffer.train_batch_size = plan.train_batch_size
    algorithm.loss_agg_mode = objective.usual_mode
    algorithm.sample_strategy = names.SAMPLE_STRATEGY
    algorithm.sample_strategy_args = {
        "usual_rows": plan.usual_rows,
        "expert_rows": plan.expert_rows,
        "discarded_rows": _rollouts(config) or 0 if plan.usual_rows == 0 else 0,
        "mu_schedule": "constant" if data.pure else objective.mu_schedule,
        "mu_schedule_args": {"value": 1.0 if data.pure == "imitation" else 0.0}
        if data.pure
        else objective.mu_schedule_args,
        "usual_mode": objective.usual_mode,
        "expert_mode": objective.expert_mode,
        "experts": None if data.pure == "rl" else expert_stream_args(config, data),
        names.DERIVED: names.DERIVED_MARK,
    }
    algorithm.policy_loss_fn = names.POLICY_LOSS
    algorithm.policy_loss_fn_args = {
        "token_weight": objective.token_weight,
        "token_weight_args": objective.token_weight_args,
        **objective.clips,
    }
    _write_kl(algorithm)
    _write_entropy(algorithm)


def _write_kl(algorithm: Any) -> None:
    """Moves a KL term that is asked for into our loss, with a reference model; drops one of 0."""
    asked = algorithm.kl_loss_fn_args or {}
    name = algorithm.kl_loss_fn
    if name is None and asked.get("kl_coef", 0.0):
        name = "k2"
    coefficient = asked.get("kl_coef", 0.001)
    algorithm.kl_loss_fn, algorithm.kl_loss_fn_args = "none", None
    if name in (None, "none") or not coefficient:
        return
    algorithm.algorithm_type = names.ALGORITHM_WITH_KL
    algorithm.policy_loss_fn = names.POLICY_LOSS_WITH_KL
    algorithm.policy_loss_fn_args["kl_loss_fn"] = name
    algorithm.policy_loss_fn_args["kl_loss_fn_args"] = {**asked, "kl_coef": coefficient}


def _write_entropy(algorithm: Any) -> None:
    """The entropy costs a pass over the vocabulary: it is computed only where it is asked for."""
    asked = (algorithm.entropy_loss_fn_args or {}).get("entropy_coef", 0.0)
    name = algorithm.entropy_loss_fn
    if name == names.ENTROPY_LOSS or (name != "none" and asked):
        algorithm.entropy_loss_fn = names.ENTROPY_LOSS
        algorithm.entropy_loss_fn_args = {"entropy_coef": asked}
    else:
        algorithm.entropy_loss_fn, algorithm.entropy_loss_fn_args = "none", None


def _tell(
    config: Config, objective: ObjectiveSettings, data: DataSettings, plan: BatchPlan
) -> None:
    logger = get_logger(__name__)
    logger.info(
        "CHORD: a train batch of %d rows, %d on-policy and %d expert, in one optimiser step; "
        "token weight %s, μ %s %s.",
        plan.train_batch_size,
        plan.usual_rows,
        plan.expert_rows,
        objective.token_weight,
        objective.mu_schedule,
        objective.mu_schedule_args,
    )
    if data.pure == "rl":
        logger.warning("CHORD: no expert rows: this run is pure RL (μ = 0), whatever `mu_*` says.")
    if data.pure == "imitation":
        logger.warning(
            "CHORD: no on-policy rows: this run is pure imitation (μ = 1), whatever `mu_*` says; "
            "rollouts are still made for their metrics where there is an explorer."
        )
    right = {
        "use_dynamic_bsz": config.trainer.use_dynamic_bsz,
        "ppo_mini_batch_size": plan.train_batch_size,
        "ngpus_trainer": data_parallel_ranks(config),
        "train_batch_size_usual": plan.usual_rows,
        "train_batch_size_expert": plan.expert_rows,
    }
    for key, claim in objective.batch_claims.items():
        if key in right and claim != right[key]:
            logger.warning(
                "`algorithm.policy_loss_fn_args.%s`: found %r, right is %r; the number is worked "
                "out here and can be left out.",
                key,
                claim,
                right[key],
            )
