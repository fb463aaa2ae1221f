"""What takes a GPU for granted in Trinity 0.6 and verl 0.8, and what is done about it.

Each mend is one function. It takes the module that it mends, right after that module's import,
and changes it in memory. Its docstring says what breaks on a machine without a GPU. Where there
is a GPU, no mend does anything.
"""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any
from unittest import mock

import wrapt

from trinity_chord.cpu import stand_ins
from trinity_chord.cpu.machine import ENGINE_TYPE, has_gpu
from trinity_chord.versions import require_supported_versions

Mend = Callable[[ModuleType], None]

ACTIVATE = "trinity_chord.cpu.activate"

MENDS: list[tuple[str, Mend]] = []


def _mends(module_name: str) -> Callable[[Mend], Mend]:
    def register(mend: Mend) -> Mend:
        MENDS.append((module_name, mend))
        return mend

    return register


def _where_no_gpu(mend: Mend) -> Mend:
    @functools.wraps(mend)
    def checked(module: ModuleType) -> None:
        if not has_gpu():
            require_supported_versions()
            mend(module)

    return checked


@_mends("trinity.common.config")
def workers_activate_first(module: ModuleType) -> None:
    """Breaks: the processes that Ray starts for a job know nothing of the mends.

    Ray calls the function that one environment variable names in each worker, before any actor's
    code is imported; `Config.get_envs` is where Trinity gathers the job's environment. An actor
    with a `runtime_env` of its own (workflow runners, verl's workers) inherits the job's variables.

    Every process imports this module, only the launcher calls the function: so it is the function
    that asks for a GPU, and the others need not load torch for the answer.
    """
    from ray._private.ray_constants import WORKER_PROCESS_SETUP_HOOK_ENV_VAR

    @wrapt.patch_function_wrapper(module, "Config.get_envs")
    def get_envs(wrapped: Callable, _: Any, args: tuple, kwargs: dict) -> dict[str, str]:
        hook = {} if has_gpu() else {WORKER_PROCESS_SETUP_HOOK_ENV_VAR: ACTIVATE}
        return {**wrapped(*args, **kwargs), **hook}


@_mends("trinity.common.models.mm_utils")
def vllm_not_installed_again(module: ModuleType) -> None:
    """Breaks: see `trinity_chord.cpu.stand_ins`; the import is done, the stand-ins go."""
    stand_ins.remove_modules()


@_mends("trinity.common.models.allocator")
@_where_no_gpu
def engine_on_transformers(module: ModuleType) -> None:
    """Breaks: `Allocator.create_engine` has a closed list of engines, all of which need a GPU.

    One more `engine_type`, "transformers", is added; all others go to the original.
    """

    @wrapt.patch_function_wrapper(module, "Allocator.create_engine")
    async def create_engine(wrapped: Callable, self: Any, args: tuple, kwargs: dict) -> Any:
        def named(config: Any, role: str, engine_id: int) -> tuple[Any, str, int]:
            return config, role, engine_id

        config, role, engine_id = named(*args, **kwargs)
        if config.engine_type != ENGINE_TYPE:
            return await wrapped(*args, **kwargs)
        from trinity_chord.cpu.engine import TransformersRolloutModel

        actor = self.get_actor_name(role, engine_id, 0)
        config = module.deepcopy(config)
        config.engine_id = engine_id
        return await module.get_model_wrapper(
            TransformersRolloutModel,
            config,
            self.pg,
            [(actor, self.bundle_result.actor_bundle_map[actor])],
        )


@_mends("trinity.common.models.utils")
@_where_no_gpu
def saved_models_as_they_are(module: ModuleType) -> None:
    """Breaks: a run that was stopped saves a model as Hugging Face does, in float32, and the
    explorer of the run that goes on reads it in the dtype of its config.json, mostly bfloat16.

    Its first rollouts then differ from the trainer's policy: as `weights_as_they_are`.
    """

    @wrapt.patch_function_wrapper(module, "load_huggingface_state_dict")
    def load(_: Callable, __: Any, args: tuple, kwargs: dict) -> dict[str, Any]:
        return load_saved(*args, **kwargs)

    def load_saved(checkpoint_path: str, trust_remote_code: bool = False) -> dict[str, Any]:
        from transformers import AutoConfig
        from verl.utils.model import get_hf_auto_model_class

        trusted = {"trust_remote_code": trust_remote_code}
        config = AutoConfig.from_pretrained(checkpoint_path, **trusted)
        model_class = get_hf_auto_model_class(config)
        return model_class.from_pretrained(
            checkpoint_path, dtype=module.torch.float32, **trusted
        ).state_dict()


@_mends("trinity.manager.synchronizer")
@_where_no_gpu
def resumed_weights_are_waited_for(module: ModuleType) -> None:
    """Breaks: weights go by memory here, and a resumed explorer does not wait for the trainer's.

    `Synchronizer` begins with version 0, the start model, which is newer than the explorer's -1:
    the explorer samples from the start model and stays a step behind from then on. Where there is
    a checkpoint to go on from, it begins with -1: nothing to be had before the trainer's upload.
    """
    from trinity_chord.cpu.resume import goes_on_by_memory

    original = module.Synchronizer.__init__

    # A plain function: Ray copies the methods of an actor's class, and drops wrapt's wrappers.
    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if goes_on_by_memory(self.config):
            self.model_version = -1

    module.Synchronizer.__init__ = init


@_mends("trinity.trainer.verl.monkey_patch")
@_where_no_gpu
def no_device_capability(module: ModuleType) -> None:
    """Breaks: `_build_module` asks `torch.cuda.get_device_capability`, which raises.

    It wants to know whether all ranks but the first may build the model without its weights. The
    answer given here, capability 0, means no.
    """

    @wrapt.patch_function_wrapper(module, "_build_module")
    def build_module(wrapped: Callable, _: Any, args: tuple, kwargs: dict) -> Any:
        with mock.patch.object(module.torch.cuda, "get_device_capability", return_value=(0, 0)):
            return wrapped(*args, **kwargs)


@_mends("verl.utils.attention_utils")
@_where_no_gpu
def padding_without_flash_attn(module: ModuleType) -> None:
    """Breaks: `_get_attention_functions` imports flash_attn, which needs CUDA."""
    from trinity_chord.cpu import padding

    functions = (
        padding.index_first_axis,
        padding.pad_input,
        padding.rearrange,
        padding.unpad_input,
    )
    module._get_attention_functions = lambda: functions


@_mends("verl.utils.device")
@_where_no_gpu
def memory_of_the_process(module: ModuleType) -> None:
    """Breaks: `get_torch_device()` is `torch.cpu`, without memory counters and `empty_cache`.

    verl calls these after each step. The memory of a CPU is that of the process, so the counters
    tell its resident size, now or at its highest, in bytes.
    """
    import resource

    import psutil
    import torch

    process = psutil.Process()

    def now(device: Any = None) -> int:
        return process.memory_info().rss

    def highest(device: Any = None) -> int:
        kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return max(kibibytes * 1024, now())  # the system's mark can lag a little behind

    missing = {
        "memory_allocated": now,
        "memory_reserved": now,
        "max_memory_allocated": highest,
        "max_memory_reserved": highest,
        "empty_cache": lambda: None,
    }
    for name, function in missing.items():
        if not hasattr(torch.cpu, name):
            setattr(torch.cpu, name, function)


@_mends("verl.workers.engine_workers")
@_where_no_gpu
def process_group_on_gloo(module: ModuleType) -> None:
    """Breaks: `TrainingWorker` asks for the backend "cpu:gloo,cpu:nccl": one device, twice."""
    module.initialize_global_process_group_ray = functools.partial(
        module.initialize_global_process_group_ray, backend="gloo"
    )


@_mends("verl.workers.engine.fsdp.transformer_impl")
@_where_no_gpu
def fsdp_engine_for_cpu(module: ModuleType) -> None:
    """Breaks: verl's registry has no FSDP engine for language models on the device "cpu".

    The engine of the other devices is registered for this one too. It does all that is needed.
    """
    module.EngineRegistry.register(
        model_type="language_model", backend=["fsdp", "fsdp2"], device="cpu"
    )(module.FSDPEngineWithLMHead)


@_mends("verl.workers.engine.fsdp.transformer_impl")
@_where_no_gpu
def offload_without_pinned_memory(module: ModuleType) -> None:
    """Breaks: a reference model, or `offload_policy`, pins memory, which needs an accelerator."""
    policy = module.CPUOffloadPolicy

    def unpinned(pin_memory: bool = False) -> Any:
        return policy(pin_memory=False)

    module.CPUOffloadPolicy = unpinned


@_mends("verl.workers.engine.fsdp.transformer_impl")
@_where_no_gpu
def weights_as_they_are(module: ModuleType) -> None:
    """Breaks: `get_per_tensor_param` rounds the weights to bfloat16, as a GPU's rollouts want them.

    Rollouts here are sampled in float32: with rounded weights their log-probabilities differ from
    the trainer's by more than 1e-5 from the second step on, where weights go by checkpoint.
    """

    @wrapt.patch_function_wrapper(module, "FSDPEngine.get_per_tensor_param")
    def get_per_tensor_param(wrapped: Callable, self: Any, args: tuple, kwargs: dict) -> Any:
        _, peft_config = wrapped(*args, **kwargs)
        weights = module.convert_weight_keys(self.module.state_dict(), self.module)
        full = (
            (name, weight.full_tensor() if isinstance(weight, module.DTensor) else weight)
            for name, weight in weights.items()
        )
        return full, peft_config


@_mends("verl.model_merger.fsdp_model_merger")
@_where_no_gpu
def merged_weights_as_they_are(module: ModuleType) -> None:
    """Breaks: the ranks' weights in a full checkpoint are rounded to bfloat16 when they are merged.

    The explorer reads them so after each step that writes a checkpoint, where weights go by
    checkpoint: as `weights_as_they_are`.
    """

    @wrapt.patch_function_wrapper(module, "FSDPModelMerger._load_and_merge_state_dicts")
    def merge(_: Callable, self: Any, args: tuple, kwargs: dict) -> dict[str, Any]:
        world_size, *_ = args
        files = [f"model_world_size_{world_size}_rank_{rank}.pt" for rank in range(world_size)]
        folder = module.Path(self.config.local_dir)
        ranks = [module.torch.load(folder / file, "cpu", weights_only=False) for file in files]
        return {key: whole(self, [rank[key] for rank in ranks]) for key in ranks[0]}

    def whole(merger: Any, parts: list[Any]) -> Any:
        if not isinstance(parts[0], module.DTensor):
            return module.torch.cat(parts, dim=0)
        shards = [part.to_local() for part in parts]
        return merger._merge_by_placement(shards, parts[0].placements[-1])
