"""Estimates what a run needs: GPU memory, epochs, and how many expert rows it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trinity_chord.cpu.machine import samples_here
from trinity_chord.expert_data.opening import open_experts
from trinity_chord.launch.model_memory import (
    HALF,
    SINGLE,
    ModelSize,
    Trained,
    TrainerMemory,
    kv_bytes,
    read_adapter,
    read_size,
    trainer_memory,
    weight_bytes,
)
from trinity_chord.plugin.backends.cluster import TRAINING_MODES
from trinity_chord.plugin.backends.lora import lora_of
from trinity_chord.plugin.backends.verl import actor_settings
from trinity_chord.plugin.contract import is_derived
from trinity_chord.plugin.tasksets import open_tasks, tasksets_of

if TYPE_CHECKING:
    from trinity.common.config import Config

    from trinity_chord.expert_data import StreamReport

GIBIBYTE = 2**30
GPU_BYTES = 80 * 10**9
HALF_DTYPES = ("bf16", "bfloat16", "fp16", "float16")  # Values of verl's `model_dtype`.


def estimate(config: Config) -> dict[str, Any]:
    """Estimate what a run needs.

    Args:
        config: A configuration as completed by Trinity's validators.

    Returns:
        Numbers and texts by name; a text says why something cannot be estimated.
    """
    return {**_memory(config), **_data(config)}


def expert_epochs(steps: int, rows_per_step: int, kept: int) -> float:
    """Return the passes over the kept expert rows: steps × rows per step / rows."""
    return steps * rows_per_step / kept


def _memory(config: Config) -> dict[str, Any]:
    if config.model.tinker.enable:
        return {"memory": "no estimate: Tinker trains and samples on its own machines"}
    if samples_here(config.explorer.rollout_model.engine_type):
        return {"memory": "no estimate: this run is for machines without a GPU"}
    if config.mode not in TRAINING_MODES or not config.trainer.trainer_strategy.startswith("fsdp"):
        return {"memory": f"no estimate for {config.trainer.trainer_strategy} in {config.mode}"}
    path = config.model.model_path
    try:
        size = read_size(path, config.model.trust_remote_code)
        trained = _trained(config, size)
    except (OSError, ValueError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        return {"memory": f"no estimate: the config.json of {path!r} cannot be used: {reason}"}
    trainer = _trainer(config, size, trained)
    found = {"parameters": size.parameters, **_trainer_numbers(trainer)}
    if lora_of(config):
        found["trained_parameters"] = trained.parameters
    used = trainer.total
    if config.mode != "train" and config.explorer.rollout_model.engine_type.startswith("vllm"):
        found |= _rollout_numbers(config, size)
        if config.mode == "colocate":
            used += int(config.explorer.rollout_model.gpu_memory_utilization * GPU_BYTES)
    found["fits_80_gb"] = used <= GPU_BYTES
    return found


def _trained(config: Config, size: ModelSize) -> Trained:
    lora = lora_of(config)
    if lora is None:
        return Trained(size.parameters)
    adapter = read_adapter(
        config.model.model_path,
        rank=lora.lora_rank,
        target_modules=lora.target_modules,
        exclude_modules=lora.exclude_modules,
        trust_remote_code=config.model.trust_remote_code,
    )
    fsdp = actor_settings(config).get("fsdp_config") or {}
    half = str(fsdp.get("model_dtype", "fp32")) in HALF_DTYPES
    return Trained(adapter, (HALF if half else SINGLE) * size.parameters)


def _trainer(config: Config, size: ModelSize, trained: Trained) -> TrainerMemory:
    from trinity.algorithm import ALGORITHM_TYPE

    trainer = config.trainer
    uses_reference = ALGORITHM_TYPE.get(config.algorithm.algorithm_type).use_reference
    return trainer_memory(
        size,
        gpus=max(config.cluster.trainer_gpu_num, 1),
        tokens=int(trainer.max_token_len_per_gpu or 0),
        offload=trainer.offload_policy and trainer.trainer_strategy == "fsdp2",
        # With LoRA, the reference is the model without its adapter.
        reference=uses_reference and not lora_of(config),
        trained=trained,
    )


def _trainer_numbers(memory: TrainerMemory) -> dict[str, Any]:
    return {
        "trainer_gpu_gib": _gib(memory.total),
        "of_these_state": _gib(memory.state),
        "of_these_gathered": _gib(memory.gathered),
        "of_these_activations": _gib(memory.activations),
        "trainer_host_gib_for_each_gpu": _gib(memory.host),
    }


def _rollout_numbers(config: Config, size: ModelSize) -> dict[str, Any]:
    engine = config.explorer.rollout_model
    weights = weight_bytes(size, engine.tensor_parallel_size)
    cache = max(0, int(engine.gpu_memory_utilization * GPU_BYTES) - weights)
    tokens = cache // kv_bytes(size, engine.tensor_parallel_size)
    return {
        "rollout_gpu_weights_gib": _gib(weights),
        "rollout_gpu_cache_gib": _gib(cache),
        "rollout_cache_tokens": tokens,
        "rollout_longest_rows_at_once": tokens // (config.model.max_model_len or 1),
    }


def _data(config: Config) -> dict[str, Any]:
    if config.mode not in TRAINING_MODES:
        return {}
    tasks = _tasks(config)
    steps = _steps(config, tasks)
    found: dict[str, Any] = {"steps": steps}
    if tasks is not None:
        found |= {"tasks": tasks, "steps_of_a_task_epoch": tasks // config.buffer.batch_size}
    args = (config.algorithm.sample_strategy_args or {}) if is_derived(config) else {}
    if args.get("experts"):
        buffers = config.buffer.trainer_input.auxiliary_buffers
        report = open_experts(buffers, args["experts"]).report
        found |= _expert_numbers(report, args["expert_rows"], steps)
    return found


def _tasks(config: Config) -> int | None:
    """Return the number of the explorer's tasks, None if there are none or not all are in files."""
    tasksets = tasksets_of(config.buffer)
    if config.mode == "train" or any(each.storage_type != "file" for each in tasksets):
        return None
    return sum(len(open_tasks(each)) for each in tasksets)


def _steps(config: Config, tasks: int | None) -> int | None:
    """Return the training steps of the whole run, None if the configuration does not say."""
    given: int | None = config.trainer.total_steps or config.buffer.total_steps
    if given or tasks is None:
        return given
    return int(tasks // config.buffer.batch_size * config.buffer.total_epochs)


def _expert_numbers(report: StreamReport, rows_per_step: int, steps: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "expert_rows_read": report.rows_read,
        "expert_rows_dropped": report.dropped,
        "expert_rows_cut": report.cut,
        "expert_rows_kept": report.kept,
        "expert_tokens_a_row": round(report.tokens / report.kept),
    }
    if steps is not None:
        found["expert_epochs"] = round(expert_epochs(steps, rows_per_step, report.kept), 2)
    return found


def _gib(size: int) -> float:
    return round(size / GIBIBYTE, 1)
