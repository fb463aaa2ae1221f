"""Derives a run's whole configuration from the few keys that a user gives, or refuses it.

Called from `AlgorithmType.check_config`, which Trinity runs before its own checks of buffers,
trainer and lengths, and before any actor or GPU is used.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trinity_chord.errors import Problems
from trinity_chord.expert_data.errors import (
    ChatTemplateError,
    ExpertDataError,
    TokenizerError,
)
from trinity_chord.expert_data.opening import open_experts
from trinity_chord.plugin import names
from trinity_chord.plugin.backends.cluster import TRAINING_MODES, ranks_of, trainer_gpus
from trinity_chord.plugin.backends.images import check_images
from trinity_chord.plugin.backends.lora import adapt_lora, check_lora
from trinity_chord.plugin.backends.megatron import check_megatron
from trinity_chord.plugin.backends.tinker import adapt_tinker, backend_of, check_tinker
from trinity_chord.plugin.config.batch_plan import BatchPlan, plan_batch
from trinity_chord.plugin.config.data_settings import DataSettings, check_buffers, read_data
from trinity_chord.plugin.config.explorer_rows import explorer_rows
from trinity_chord.plugin.config.objective_args import ObjectiveArgs
from trinity_chord.plugin.config.objective_settings import ObjectiveSettings, read_objective
from trinity_chord.plugin.config.pairing import check_rows, check_without_experts
from trinity_chord.plugin.config.parts import check_parts
from trinity_chord.plugin.config.regularizers import read_entropy, read_kl
from trinity_chord.plugin.config.stream_args import expert_stream_args
from trinity_chord.plugin.config.summary import log_summary
from trinity_chord.plugin.config.trainer_settings import (
    check_trainer,
    disable_loss_rescaling,
    trainer_notices,
)
from trinity_chord.plugin.contract import StrategyArgs, is_derived

if TYPE_CHECKING:
    from trinity.common.config import Config


@dataclass(frozen=True)
class _Settings:
    """What the user asked for, read and checked."""

    objective: ObjectiveSettings
    data: DataSettings
    kl: dict[str, Any] | None
    entropy: float | None


def derive(config: Config, preset: ObjectiveArgs) -> None:
    """Check a configuration and complete it in place; idempotent.

    Without a trainer (`explore`, `bench` and `serve`) the settings are checked and nothing is
    derived.

    Args:
        config: Trinity's configuration, as loaded from YAML.
        preset: The algorithm type's values for the objective's keys that YAML leaves out.

    Raises:
        ChordConfigError: Lists every problem found.
    """
    if is_derived(config):
        return
    problems, data_problems = Problems(), Problems()
    settings = _read(config, preset, problems, data_problems)
    if config.mode not in TRAINING_MODES:
        problems.lines += data_problems.lines
        problems.raise_if_any(title_of(config))
        return
    check_trainer(config, settings.objective, problems)
    check_tinker(config, settings.entropy, settings.objective.needs, problems)
    check_megatron(config, problems)
    check_images(config, problems)
    check_lora(config, problems)
    _check_model(config, settings.data, data_problems)
    check_buffers(config, settings.data, data_problems)
    gpus, plan = 0, None
    if not data_problems.lines:  # expert rows are read even if the objective is wrong
        gpus, plan = _plan(config, settings.data, data_problems)
        rows = _count_experts(config, settings.data, plan, data_problems)
        _set_total_steps(config, settings.data, plan, rows, data_problems)
    problems.lines += data_problems.lines
    problems.raise_if_any(title_of(config))
    assert plan is not None
    _write(config, settings, plan)
    notices = [
        *adapt_tinker(config),
        *disable_loss_rescaling(config),
        *adapt_lora(config),
        *trainer_notices(config, plan.train_batch_size),
    ]
    log_summary(config, settings.objective, plan, gpus, notices)


def title_of(config: Config) -> str:
    """Return the first line of an error about a configuration."""
    return f"The configuration of `{config.algorithm.algorithm_type}` cannot be run"


def _read(
    config: Config, preset: ObjectiveArgs, problems: Problems, data_problems: Problems
) -> _Settings:
    algorithm = config.algorithm
    check_parts(config, problems)
    return _Settings(
        objective=read_objective(
            algorithm.policy_loss_fn_args, preset, algorithm.loss_agg_mode, problems
        ),
        data=read_data(algorithm.sample_strategy_args, data_problems),
        kl=read_kl(algorithm, problems),
        entropy=read_entropy(algorithm, problems),
    )


def _check_model(config: Config, data: DataSettings, problems: Problems) -> None:
    """Check what tokenizing expert rows needs; Trinity checks it only later."""
    model = config.model
    if not data.wants_experts:
        return
    if not model.model_path:
        problems.add("model.model_path", model.model_path, "a folder or a hub id")
    has_both = model.max_prompt_tokens and model.max_response_tokens
    if model.max_model_len is None and not has_both:
        problems.add(
            "model.max_model_len",
            None,
            "a number of tokens, or `max_prompt_tokens` and `max_response_tokens`",
        )


def _plan(config: Config, data: DataSettings, problems: Problems) -> tuple[int, BatchPlan | None]:
    """Return the trainer's GPUs and the batch, None if the numbers contradict each other."""
    try:
        gpus = trainer_gpus(config)
        ranks = ranks_of(config, gpus)
    except ValueError as error:
        problems.add_text(f"`cluster`: {error}")
        return 0, None
    with problems.collect():
        return gpus, plan_batch(
            rollouts=explorer_rows(config),
            share=data.share,
            expert_rows=data.expert_rows,
            train_batch_size=config.buffer.train_batch_size or None,
            ranks=ranks,
        )
    return gpus, None


def _count_experts(
    config: Config, data: DataSettings, plan: BatchPlan | None, problems: Problems
) -> int:
    """Read and tokenize the expert data, so that bad data stops the run before it starts.

    Returns:
        The expert rows that can be used; 0 if none are wanted or the data is bad.
    """
    if not data.wants_experts:
        check_without_experts(data.rows, problems)
        return 0
    buffers = config.buffer.trainer_input.auxiliary_buffers
    try:
        stream = open_experts(buffers, expert_stream_args(config, data))
    except ChatTemplateError as error:
        key = "custom_chat_template" if config.model.custom_chat_template else "model_path"
        problems.add(
            f"model.{key}",
            getattr(config.model, key),
            "a chat template in Jinja's syntax",
            str(error),
        )
        return 0
    except TokenizerError as error:
        problems.add(
            "model.model_path",
            config.model.model_path,
            "a model whose tokenizer can be loaded, for the expert data",
            str(error),
        )
        return 0
    except ExpertDataError as error:
        problems.add_text(str(error))
        return 0
    except OSError as error:
        where = error.filename or expert_stream_args(config, data)["cache_dir"]
        problems.add_text(
            f"the expert rows cannot be read, or their tokens written: {where}: "
            f"{error.strerror or error}"
        )
        return 0
    if plan is not None:
        check_rows(config, data.rows, plan, stream, problems)
    return sum(each.kept for each in stream.report.sets)


def _set_total_steps(
    config: Config,
    data: DataSettings,
    plan: BatchPlan | None,
    expert_rows: int,
    problems: Problems,
) -> None:
    """Set the steps after which pure imitation without an explorer ends."""
    trainer, buffer = config.trainer, config.buffer
    if plan is None or plan.pure != "imitation" or problems.lines:
        return
    if config.mode != "train" or trainer.total_steps:
        return
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
    requested = settings.entropy is not None
    algorithm.entropy_loss_fn = names.ENTROPY_LOSS if requested else "none"
    algorithm.entropy_loss_fn_args = {"entropy_coef": settings.entropy} if requested else None


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
        mu_schedule_args=dict(schedule_args),
        on_policy_mode=objective.on_policy_mode,
        expert_mode=objective.expert_mode,
        experts=expert_stream_args(config, data) if plan.expert_rows else None,
        backend=backend_of(config),
        row_level=data.rows if plan.expert_rows and data.rows.active else None,
    ).to_args()


def _write_needs(config: Config, needs: Collection[str]) -> None:
    """Make Trinity compute what the objective needs, and no more."""
    algorithm = config.algorithm
    if "ref_logprob" in needs:
        algorithm.algorithm_type = names.ALGORITHM_WITH_REFERENCE
    elif algorithm.algorithm_type.endswith(names.ALGORITHM_WITH_REFERENCE.rpartition(".")[2]):
        algorithm.algorithm_type = names.ALGORITHM
    if {"old_logprob", "entropy"} & set(needs):
        algorithm.bypass_old_logprobs = False
