"""Patches of verl 0.8; `trinity_chord.cpu.patches` lists where each applies."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import wrapt

Wrapped = Callable[..., Any]
Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def pad_without_flash_attn(attention_utils: Any) -> None:
    """Pad and unpad with plain torch.

    Problem: `_get_attention_functions` imports flash_attn, which needs CUDA.
    """
    from trinity_chord.cpu import padding

    functions = (
        padding.index_first_axis,
        padding.pad_input,
        padding.rearrange,
        padding.unpad_input,
    )
    attention_utils._get_attention_functions = lambda: functions


def count_process_memory(device_module: ModuleType) -> None:
    """Give `torch.cpu` the memory functions of `torch.cuda`.

    Problem: verl calls memory counters and `empty_cache` of `get_torch_device()` after each step.
    Here that is `torch.cpu`, which does not have them.

    Fix: the counters return the resident size of the process in bytes, current or highest.
    """
    import resource

    import psutil
    import torch

    process = psutil.Process()

    def current(device: Any = None) -> int:
        return int(process.memory_info().rss)

    def highest(device: Any = None) -> int:
        kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return max(kibibytes * 1024, current())  # The system's peak can lag slightly behind.

    missing = {
        "memory_allocated": current,
        "memory_reserved": current,
        "max_memory_allocated": highest,
        "max_memory_reserved": highest,
        "empty_cache": lambda: None,
    }
    for name, function in missing.items():
        if not hasattr(torch.cpu, name):
            setattr(torch.cpu, name, function)


def use_gloo(engine_workers: Any) -> None:
    """Use gloo for the trainer's process group.

    Problem: `TrainingWorker` requests "cpu:gloo,cpu:nccl", two backends for one device.
    """
    engine_workers.initialize_global_process_group_ray = functools.partial(
        engine_workers.initialize_global_process_group_ray, backend="gloo"
    )


def register_fsdp_engine(transformer_impl: Any) -> None:
    """Register verl's FSDP engine for the device "cpu".

    Problem: the registry has no FSDP engine for language models on this device. The engine of the
    other devices works on it unchanged.
    """
    transformer_impl.EngineRegistry.register(
        model_type="language_model", backend=["fsdp", "fsdp2"], device="cpu"
    )(transformer_impl.FSDPEngineWithLMHead)


def offload_without_pinned_memory(transformer_impl: Any) -> None:
    """Offload to ordinary memory.

    Problem: a reference model, or `offload_policy`, pins memory, which needs an accelerator.
    """
    policy = transformer_impl.CPUOffloadPolicy

    def unpinned(pin_memory: bool = False) -> Any:
        return policy(pin_memory=False)

    transformer_impl.CPUOffloadPolicy = unpinned


def sync_weights_unrounded(transformer_impl: ModuleType) -> None:
    """Pass the trainer's weights on in float32.

    Problem: `get_per_tensor_param` rounds the weights to bfloat16, which suits rollouts on a GPU.
    Rollouts here are sampled in float32: with rounded weights and `sync_method: checkpoint`, their
    log-probabilities differ from the trainer's by more than 1e-5 from the second step on.
    """

    @wrapt.patch_function_wrapper(transformer_impl, "FSDPEngine.get_per_tensor_param")
    def get_per_tensor_param(wrapped: Wrapped, self: Any, args: Args, kwargs: Kwargs) -> Any:
        found, peft_config = wrapped(*args, **kwargs)
        if peft_config is not None:  # The frozen weights, which no engine reads.
            return found, peft_config
        weights = transformer_impl.convert_weight_keys(self.module.state_dict(), self.module)
        full = (
            (name, weight.full_tensor() if isinstance(weight, transformer_impl.DTensor) else weight)
            for name, weight in weights.items()
        )
        return full, peft_config


def merge_weights_unrounded(merger_module: ModuleType) -> None:
    """Merge the ranks' weights of a full checkpoint in float32.

    Problem: `FSDPModelMerger` rounds them to bfloat16, and with `sync_method: checkpoint` the
    explorer reads them after each step that writes a checkpoint; see `sync_weights_unrounded`.
    """

    @wrapt.patch_function_wrapper(merger_module, "FSDPModelMerger._load_and_merge_state_dicts")
    def merge(_: Wrapped, self: Any, args: Args, kwargs: Kwargs) -> dict[str, Any]:
        world_size = args[0]
        files = [f"model_world_size_{world_size}_rank_{rank}.pt" for rank in range(world_size)]
        folder = merger_module.Path(self.config.local_dir)
        load = functools.partial(merger_module.torch.load, map_location="cpu", weights_only=False)
        ranks = [load(folder / file) for file in files]
        return {key: merge_one(self, [rank[key] for rank in ranks]) for key in ranks[0]}

    def merge_one(merger: Any, parts: list[Any]) -> Any:
        if not isinstance(parts[0], merger_module.DTensor):
            return merger_module.torch.cat(parts, dim=0)
        shards = [part.to_local() for part in parts]
        return merger._merge_by_placement(shards, parts[0].placements[-1])
