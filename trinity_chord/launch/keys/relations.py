"""Values that fit alone but not together: one short function per rule."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from trinity_chord.launch.keys.findings import Findings
from trinity_chord.plugin.backends.cluster import TRAINING_MODES, data_parallel_ranks
from trinity_chord.plugin.backends.verl import actor_settings
from trinity_chord.verl_layout import section_of, verl_settings

if TYPE_CHECKING:
    from trinity.common.config import Config

FSDP_SCHEDULES = ("constant", "cosine")
ACTOR = ("trainer", "trainer_config", "actor")


def check_relations(config: Config, findings: Findings) -> None:
    """Check a configuration as loaded."""
    _check_lengths(config, findings)
    _check_positions(config, findings)
    if config.mode in TRAINING_MODES and not config.model.tinker.enable:
        for check in (_check_schedule, _check_clipping, _check_temperature):
            check(config, findings)
    _check_repeats(config, findings)
    _check_tasks_have_workflows(config, findings)


def check_completed(config: Config, findings: Findings) -> None:
    """Check a configuration as completed by Trinity's validators, which derive its numbers."""
    if config.mode in TRAINING_MODES and config.trainer.trainer_type == "verl":
        _check_fused(config, findings)
        if config.trainer.use_dynamic_bsz:
            _check_token_budget(config, findings)
        else:
            _check_micro_batches(config, findings)


def _check_lengths(config: Config, findings: Findings) -> None:
    """Refuse lengths that leave no room: Trinity would cut every prompt to one token."""
    for path, section in (
        (("model",), config.model),
        (("explorer", "rollout_model"), config.explorer.rollout_model),
    ):
        whole = section.max_model_len or config.model.max_model_len
        for key, rest in (("max_response_tokens", "prompt"), ("max_prompt_tokens", "response")):
            part = getattr(section, key)
            if whole is not None and part is not None and part >= whole:
                findings.add(
                    (*path, key),
                    part,
                    f"less than `max_model_len` ({whole}), which counts prompt and response",
                    f"nothing would be left of the {rest}",
                )
    if config.model.max_response_tokens is not None:
        most = config.model.max_response_tokens
        if config.model.min_response_tokens >= most:
            findings.add(
                ("model", "min_response_tokens"),
                config.model.min_response_tokens,
                f"less than `model.max_response_tokens` ({most})",
            )


def _check_positions(config: Config, findings: Findings) -> None:
    """Report a context longer than the model's positions, if the model is a local folder."""
    model, engine = config.model, config.explorer.rollout_model.engine_type
    sizes = _model_config(model.model_path)
    positions = sizes.get("max_position_embeddings")
    if model.max_model_len is None or model.rope_scaling or sizes.get("rope_scaling"):
        return
    if not isinstance(positions, int) or model.max_model_len <= positions:
        return
    path = ("model", "max_model_len")
    if engine.startswith(("vllm", "sglang")) and config.mode != "train":
        findings.add(
            path,
            model.max_model_len,
            f"at most {positions}, the positions of {model.model_path!r}",
            f"{engine} refuses more; or set `model.rope_scaling`",
        )
    else:
        findings.warn(
            path, model.max_model_len, f"{model.model_path!r} was made for {positions} positions"
        )


def _check_schedule(config: Config, findings: Findings) -> None:
    kind = config.algorithm.optimizer.lr_scheduler_type
    if config.trainer.trainer_strategy.startswith("fsdp") and kind not in FSDP_SCHEDULES:
        findings.add(
            ("algorithm", "optimizer", "lr_scheduler_type"),
            kind,
            f"one of {', '.join(map(repr, FSDP_SCHEDULES))} with "
            f"`trainer.trainer_strategy: {config.trainer.trainer_strategy}`",
        )


def _check_clipping(config: Config, findings: Findings) -> None:
    """Report the key that verl's engine no longer reads."""
    clip, dead = config.algorithm.optimizer.clip_grad, config.trainer.grad_clip
    if dead != clip:
        findings.warn(
            ("trainer", "grad_clip"),
            dead,
            f"it has no effect: verl 0.8 clips at `algorithm.optimizer.clip_grad`, which is {clip}",
        )


def _check_temperature(config: Config, findings: Findings) -> None:
    """Refuse a temperature of 0, by which verl would divide the logits."""
    if config.model.temperature == 0:
        findings.add(
            ("model", "temperature"), 0.0, "a number above 0", "the trainer divides logits by it"
        )


def _check_fused(config: Config, findings: Findings) -> None:
    """Refuse verl's fused kernels where they stop the first step."""
    model = section_of(verl_settings(config), "model").get("model") or {}
    path = ("trainer", "trainer_config", "model", "use_fused_kernels")
    if not model.get("use_fused_kernels"):
        return
    if not config.trainer.use_remove_padding:
        findings.add(path, True, "false without `trainer.use_remove_padding`")
    elif _model_config(config.model.model_path).get("tie_word_embeddings") is False:
        findings.warn(path, True, "verl's fused kernels failed with models of untied embeddings")


def _check_repeats(config: Config, findings: Findings) -> None:
    """Refuse `n`, which Trinity sets; a value of its own would be overwritten."""
    given = config.buffer.explorer_input
    for path, taskset in _tasksets(config):
        repeats = config.algorithm.repeat_times
        if path[2] == "eval_tasksets":
            repeats = taskset.repeat_times
        if taskset.rollout_args.n not in (1, repeats) and given is not None:
            findings.add(
                (*path, "rollout_args", "n"),
                taskset.rollout_args.n,
                f"no value: rollouts per prompt are {repeats}",
                "set `algorithm.repeat_times`, or `repeat_times` of an eval taskset",
            )


def _check_tasks_have_workflows(config: Config, findings: Findings) -> None:
    if config.mode in ("train", "serve"):
        return
    common = config.buffer.explorer_input
    for path, taskset in _tasksets(config):
        of_kind = common.default_eval_workflow_type if path[2] == "eval_tasksets" else None
        named = (taskset.default_workflow_type, common.default_workflow_type, of_kind)
        if not any(named) and not taskset.format.workflow_key:
            findings.add(
                (*path, "default_workflow_type"), None, "a workflow, such as 'math_workflow'"
            )


def _check_token_budget(config: Config, findings: Findings) -> None:
    """Refuse a budget of a micro-batch into which the longest row does not fit."""
    trainer = config.trainer
    budget, longest = trainer.max_token_len_per_gpu, config.model.max_model_len
    fsdp = trainer.trainer_strategy.startswith("fsdp")
    parts = (
        trainer.ulysses_sequence_parallel_size if fsdp else trainer.megatron.context_parallel_size
    )
    if budget is not None and longest is not None and budget * max(parts, 1) < longest:
        findings.add(
            ("trainer", "max_token_len_per_gpu"),
            budget,
            f"at least {-(-longest // max(parts, 1))}, or no value",
            f"a row may have {longest} tokens (`model.max_model_len`), and verl stops at a row "
            "that is longer than a micro-batch",
        )


def _check_micro_batches(config: Config, findings: Findings) -> None:
    """Refuse fixed micro-batches that verl cannot cut a batch into."""
    actor = actor_settings(config)
    rollout = section_of(verl_settings(config), "rollout").get("rollout") or {}
    rows = config.buffer.train_batch_size // data_parallel_ranks(config)
    for path, section in (
        ((*ACTOR, "ppo_micro_batch_size_per_gpu"), actor),
        (("trainer", "trainer_config", "rollout", "log_prob_micro_batch_size_per_gpu"), rollout),
    ):
        size: Any = section.get(path[-1])
        if size is None:
            findings.add(path, None, "a number of rows with `trainer.use_dynamic_bsz: false`")
        elif isinstance(size, int) and size > 0 and rows % size:
            findings.add(path, size, f"a divisor of {rows}, the rows of a batch on each rank")


def _tasksets(config: Config) -> list[tuple[tuple[Any, ...], Any]]:
    """Return the tasksets with their paths."""
    given, place = config.buffer.explorer_input, ("buffer", "explorer_input")
    single = [((*place, "taskset"), given.taskset)] if given.taskset is not None else []
    return [
        *single,
        *(((*place, "tasksets", i), each) for i, each in enumerate(given.tasksets)),
        *(((*place, "eval_tasksets", i), each) for i, each in enumerate(given.eval_tasksets)),
    ]


def _model_config(folder: str) -> dict[str, Any]:
    """Return what a model's folder says of its sizes, nothing if it is not a readable folder."""
    from transformers import PretrainedConfig

    if not os.path.isdir(folder):
        return {}
    try:
        sizes, _ = PretrainedConfig.get_config_dict(folder)
    except (OSError, ValueError):
        return {}  # The check of the model reports it.
    return dict(sizes.get("text_config") or sizes)
