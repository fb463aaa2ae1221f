"""Fill a Trinity configuration for a machine without a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from enum import Enum
from typing import TYPE_CHECKING, Any

from trinity_chord.cpu.machine import ENGINE_TYPE
from trinity_chord.verl_layout import section_of, verl_settings

if TYPE_CHECKING:
    from trinity.common.config import Config

NO_BF16 = "bfloat16 is slow and inexact here, and rollouts must match the trainer"
NO_GPU_ENGINES = (ENGINE_TYPE, "external", "tinker")
FP32 = {"param_dtype": "fp32", "reduce_dtype": "fp32", "buffer_dtype": "fp32"}
# What verl is told beyond Trinity's own keys, where the user has not said otherwise.
VERL_SETTINGS: dict[str, tuple[Any, str]] = {
    "model.override_config.attn_implementation": ("sdpa", "flash_attn needs a GPU"),
    "actor.use_torch_compile": (False, "compiling takes longer than it saves"),
    "actor.fsdp_config.use_torch_compile": (False, "compiling takes longer than it saves"),
    "actor.fsdp_config.mixed_precision": (FP32, NO_BF16),
    "ref.fsdp_config.use_torch_compile": (False, "compiling takes longer than it saves"),
    "ref.fsdp_config.mixed_precision": (FP32, NO_BF16),
}


def adapt(config: Config) -> list[str]:
    """Fill `config`, in place, so that it runs without a GPU.

    What works there is kept. Calling it a second time changes nothing.

    Args:
        config: Trinity's configuration, before or during its validation.

    Returns:
        one line for each key that was changed: "key: found -> set (why)".

    Raises:
        ValueError: a key asks for what a machine without a GPU cannot do.
    """
    _refuse_impossible(config)
    return [
        f"{key}: {_shown(found)} -> {_shown(wanted)} ({why})"
        for key, found, wanted, why in (*_trinity_settings(config), *_verl_settings(config))
    ]


_Change = tuple[str, Any, Any, str]


def _refuse_impossible(config: Config) -> None:
    if config.trainer.trainer_strategy == "megatron":
        raise ValueError(
            "trainer.trainer_strategy: megatron needs a GPU. Without one, set it to fsdp2."
        )
    if config.model.lora_configs:
        raise ValueError(
            "model.lora_configs: the rollout engine that runs without a GPU has no LoRA. "
            "Remove the key to train all weights, or run on a machine with a GPU."
        )
    for key, asked in {
        "mode: serve": config.mode == "serve",
        "explorer.rollout_model.enable_openai_api": config.explorer.rollout_model.enable_openai_api,
        "explorer.auxiliary_models": any(
            model.engine_type not in NO_GPU_ENGINES for model in config.explorer.auxiliary_models
        ),
    }.items():
        if asked:
            raise ValueError(
                f"{key}: this needs an OpenAI server, which the rollout engine that runs without "
                "a GPU does not have. Remove the key, or run on a machine with a GPU."
            )


def _trinity_settings(config: Config) -> Iterator[_Change]:
    from trinity.common.constants import SyncMethod

    trainer, rollout = config.trainer, config.explorer.rollout_model
    engine = "explorer.rollout_model"

    if trainer.trainer_strategy == "fsdp":
        yield _set(
            trainer, "trainer", "trainer_strategy", "fsdp2", "fsdp's first version needs a GPU"
        )
    if trainer.use_remove_padding:
        yield _set(trainer, "trainer", "use_remove_padding", False, "it needs flash_attn")
    if trainer.ulysses_sequence_parallel_size > 1:
        yield _set(
            trainer, "trainer", "ulysses_sequence_parallel_size", 1, "it needs use_remove_padding"
        )
    if rollout.engine_type not in NO_GPU_ENGINES:
        yield _set(rollout, engine, "engine_type", ENGINE_TYPE, "the others need a GPU")
    if rollout.engine_type == ENGINE_TYPE:
        for key in ("tensor_parallel_size", "data_parallel_size", "pipeline_parallel_size"):
            if getattr(rollout, key) != 1:
                yield _set(rollout, engine, key, 1, "an engine is one process")
        if rollout.dtype != "float32":
            yield _set(rollout, engine, "dtype", "float32", NO_BF16)

    if config.synchronizer.sync_method == SyncMethod.NCCL:
        together = config.mode in ("both", "colocate")
        yield _set(
            config.synchronizer,
            "synchronizer",
            "sync_method",
            SyncMethod.MEMORY if together else SyncMethod.CHECKPOINT,
            "NCCL needs a GPU",
        )
    if not config.ignore_validator_suggestions:
        yield _set(
            config, "", "ignore_validator_suggestions", True, "they are about the memory of a GPU"
        )


def _set(owner: Any, prefix: str, key: str, wanted: Any, why: str) -> _Change:
    found = getattr(owner, key)
    setattr(owner, key, wanted)
    return f"{prefix}.{key}".lstrip("."), found, wanted, why


def _verl_settings(config: Config) -> Iterator[_Change]:
    settings = verl_settings(config)
    for path, (wanted, why) in VERL_SETTINGS.items():
        *parents, key = path.split(".")
        section = section_of(settings, parents[0])
        for name in parents:
            if section.get(name) is None:
                section[name] = {}
            section = section[name]
        found = section.get(key)
        if found is None or found == {}:
            section[key] = deepcopy(wanted)
            yield f"trainer.trainer_config.{path}", found, wanted, why
    config.trainer.trainer_config = settings


def _shown(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return "unset" if value is None or value == {} else value
