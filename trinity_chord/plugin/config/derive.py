"""Derives a run's whole configuration from the few keys that a user gives, or refuses it.

Called from `AlgorithmType.check_config`, which Trinity runs before its own buffer, trainer and
length checks and before any actor or GPU is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trinity_chord.errors import Problems
from trinity_chord.expert_data import ExpertDataError
from trinity_chord.expert_data.opening import open_experts
from trinity_chord.plugin import names
from trinity_chord.plugin.backends.cluster import TRAINING_MODES, ranks_of, trainer_gpus
from trinity_chord.plugin.backends.megatron import check_megatron
from trinity_chord.plugin.backends.tinker import adapt_tinker, backend_of, check_tinker
from trinity_chord.plugin.config.batch_plan import BatchPlan, BatchPlanError, plan_batch
from trinity_chord.plugin.config.checks import as_mapping
from trinity_chord.plugin.config.data_settings import DataSettings, check_buffers, read_data
from trinity_chord.plugin.config.explorer_rows import explorer_rows
from trinity_chord.plugin.config.objective_settings import ObjectiveSettings, read_objective
from trinity_chord.plugin.config.pairing import check_rows, check_without_experts
from trinity_chord.plugin.config.parts import check_parts
from trinity_chord.plugin.config.regularizers import read_entropy, read_kl
from trinity_chord.plugin.config.stream_args import expert_stream_args
from trinity_chord.plugin.config.summary import tell
from trinity_chord.plugin.contract import StrategyArgs, is_derived
from trinity_chord.plugin.names import LOSS_ARGS, SAMPLE_ARGS

if TYPE_CHECKING:
    from trinity.common.config import Config


@dataclass(frozen=True)
class _Settings:
    """What a user has asked for, read and checked."""

    objective: ObjectiveSettings
    data: DataSettings
    kl: dict[str, Any] | None
    entropy: float | None


def derive(config: Config, defaults: Mapping[str, Any]) -> None:
    """Checks a configuration and completes it in place. Doing it again changes nothing.

    Where there is no trainer (`explore`, `bench` and `serve`), the settings are checked, and
    nothing is derived.

    Args:
        config: Trinity's configuration, as loaded from YAML.
        defaults: The preset's values for objective keys that YAML leaves out.

    Raises:
        ChordConfigError: Every problem found, each with its key, the value found and the value
            wanted.
    """
    if is_derived(config):
        return
    problems, data_problems = Problems(), Problems()
    settings = _read(config, defaults, problems, data_problems)
    if config.mode in TRAINING_MODES:
        _check_storage(config, problems)
        _check_feedback(config, settings.objective, problems)
        check_tinker(config, settings.entropy, settings.objective.needs, problems)
        check_megatron(config, problems)
        _check_model(config, settings.data, data_problems)
        check_buffers(config, settings.data, data_problems)
    gpus, plan = 0, None
    if config.mode in TRAINING_MODES and not data_problems.lines:
        # The rows are read even where the objective is wrong: all that is wrong is told at once.
        gpus, plan = _plan(config, settings.data, data_problems)
        rows = _count_experts(config, settings.data, plan, data_problems)
        _settle_end(config, settings.data, plan, rows, data_problems)
    problems.lines += data_problems.lines
    problems.raise_if_any(title_of(config))
    if plan is None:
        return
    _write(config, settings, plan)
    tell(config, settings.objective, plan, gpus, adapt_tinker(config))


def title_of(config: Config) -> str:
    """The first line of an error about a configuration."""
    return f"The configuration of `{config.algorithm.algorithm_type}` cannot be run"


def _read(
    config: Config, defaults: Mapping[str, Any], problems: Problems, data_problems: Problems
) -> _Settings:
    algorithm = config.algorithm
    check_parts(config, problems)
    objective_args = as_mapping(LOSS_ARGS, algorithm.policy_loss_fn_args, problems)
    data_args = as_mapping(SAMPLE_ARGS, algorithm.sample_strategy_args, data_problems)
    named = names.is_ours("entropy_loss_fn", algorithm.entropy_loss_fn)
    return _Settings(
        objective=read_objective(objective_args, defaults, algorithm.loss_agg_mode, problems),
        data=read_data(data_args, data_problems),
        kl=read_kl(algorithm, problems),
        entropy=read_entropy(algorithm, named, problems),
    )


def _check_storage(config: Config, problems: Problems) -> None:
    """Trinity reads files as SFT or DPO data only; rollouts lie in a queue or a database."""
    buffer = config.buffer.trainer_input.experience_buffer
    if config.mode == "train" and buffer is not None and buffer.storage_type == "file":
        problems.add(
            "buffer.trainer_input.experience_buffer.storage_type",
            buffer.storage_type,
            "'sql' (stored rollouts) or 'queue' (those of an explorer that runs beside)",
        )


def _check_feedback(config: Config, objective: ObjectiveSettings, problems: Problems) -> None:
    """verl adds up what the loss counts over the whole batch; other trainers do not."""
    if objective.mu_feedback and config.trainer.trainer_type != "verl":
        problems.add(
            "trainer.trainer_type",
            config.trainer.trainer_type,
            "'verl'",
            f"`{LOSS_ARGS}.mu_schedule: {objective.mu_schedule}` needs figures that only "
            "verl's metrics bring back from the loss",
        )


def _check_model(config: Config, data: DataSettings, problems: Problems) -> None:
    """What tokenising expert rows needs; Trinity checks it only later."""
    model = config.model
    if not data.wants_experts:
        return
    if not model.model_path:
        problems.add("model.model_path", model.model_path, "a folder or a hub id")
    both = model.max_prompt_tokens and model.max_response_tokens
    if model.max_model_len is None and not both:
        problems.add(
            "model.max_model_len",
            None,
            "a number of tokens, or `max_prompt_tokens` and `max_response_tokens`",
        )


def _plan(config: Config, data: DataSettings, problems: Problems) -> tuple[int, BatchPlan | None]:
    """Returns the trainer's GPUs and the plan, None where the numbers contradict each other."""
    try:
        gpus = trainer_gpus(config)
        ranks = ranks_of(config, gpus)
    except ValueError as error:
        problems.add_text(f"`cluster`: {error}")
        return 0, None
    try:
        return gpus, plan_batch(
            rollouts=explorer_rows(config),
            share=data.share,
            expert_rows=data.expert_rows,
            train_batch_size=config.buffer.train_batch_size or None,
            ranks=ranks,
        )
    except BatchPlanError as error:
        problems.add_text(f"batch: {error}")
        return gpus, None


def _count_experts(
    config: Config, data: DataSettings, plan: BatchPlan | None, problems: Problems
) -> int:
    """Reads and tokenises the expert data now, so that bad data stops the run before it starts."""
    if not data.wants_experts:
        check_without_experts(data.rows, problems)
        return 0
    try:
        stream = open_experts(
            config.buffer.trainer_input.auxiliary_buffers, expert_stream_args(config, data)
        )
        if plan is not None:
            check_rows(config, data.rows, plan, stream, problems)
    except ExpertDataError as error:
        problems.add_text(str(error))
    except (ValueError, OSError) as error:
        problems.add_text(
            f"expert data cannot be tokenised with `model.model_path` "
            f"{config.model.model_path!r}: {error}"
        )
    else:
        return sum(each.kept for each in stream.report.sets)
    return 0


def _settle_end(
    config: Config,
    data: DataSettings,
    plan: BatchPlan | None,
    expert_rows: int,
    problems: Problems,
) -> None:
    """Pure imitation without an explorer ends by a number of steps, or of epochs."""
    trainer, buffer = config.trainer, config.buffer
    imitates = plan is not None and plan.pure == "imitation"
    if config.mode != "train" or not imitates or trainer.total_steps or problems.lines:
        return
    assert plan is not None
    trainer.total_steps = buffer.total_steps
    if trainer.total_steps is None and data.at_end == "cycle":
        trainer.total_steps = buffer.total_epochs * expert_rows // plan.train_batch_size
        if not trainer.total_steps:
            problems.add(
                "buffer.train_batch_size",
                plan.train_batch_size,
                f"at most the {buffer.total_epochs * expert_rows} expert rows of "
                f"`buffer.total_epochs: {buffer.total_epochs}`",
            )


def _write(config: Config, settings: _Settings, plan: BatchPlan) -> None:
    algorithm, objective = config.algorithm, settings.objective
    config.buffer.train_batch_size = plan.train_batch_size
    algorithm.loss_agg_mode = objective.on_policy_mode
    algorithm.sample_strategy = names.SAMPLE_STRATEGY
    algorithm.sample_strategy_args = _strategy_args(config, settings, plan)
    algorithm.policy_loss_fn = names.POLICY_LOSS
    algorithm.policy_loss_fn_args = {**objective.loss_args(), **(settings.kl or {})}
    if objective.mu_feedback and not plan.pure:
        algorithm.policy_loss_fn_args["count_sequences"] = True
    algorithm.kl_loss_fn, algorithm.kl_loss_fn_args = "none", None
    _write_needs(config, objective.needs | ({"ref_logprob"} if settings.kl else set()))
    asked = settings.entropy is not None
    algorithm.entropy_loss_fn = names.ENTROPY_LOSS if asked else "none"
    algorithm.entropy_loss_fn_args = {"entropy_coef": settings.entropy} if asked else None


def _strategy_args(config: Config, settings: _Settings, plan: BatchPlan) -> dict[str, Any]:
    objective, data = settings.objective, settings.data
    schedule, schedule_args = objective.mu_schedule, objective.mu_schedule_args
    if plan.pure:
        schedule, schedule_args = "constant", {"value": 1.0 if plan.pure == "imitation" else 0.0}
    return StrategyArgs(
        on_policy_rows=plan.on_policy_rows,
        expert_rows=plan.expert_rows,
        discarded_rows=(explorer_rows(config) or 0) if plan.pure == "imitation" else 0,
        mu_schedule=schedule,
        mu_schedule_args=schedule_args,
        on_policy_mode=objective.on_policy_mode,
        expert_mode=objective.expert_mode,
        experts=expert_stream_args(config, data) if plan.expert_rows else None,
        backend=backend_of(config),
        row_level=data.rows if plan.expert_rows and data.rows.active else None,
    ).to_args()


def _write_needs(config: Config, needs: set[str]) -> None:
    """Makes Trinity provide what the objective needs, and nothing that it does not."""
    algorithm = config.algorithm
    if "ref_logprob" in needs:
        algorithm.algorithm_type = names.ALGORITHM_WITH_REFERENCE
    elif algorithm.algorithm_type.endswith(names.ALGORITHM_WITH_REFERENCE.rpartition(".")[2]):
        algorithm.algorithm_type = names.ALGORITHM
    if needs & {"old_logprob", "entropy"}:
        algorithm.bypass_old_logprobs = False
