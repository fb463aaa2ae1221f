"""Patches of Trinity 0.6; `trinity_chord.cpu.patches` lists where each applies."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any
from unittest import mock

import wrapt

from trinity_chord.cpu import stand_ins
from trinity_chord.cpu.machine import ENGINE_TYPE, has_gpu
from trinity_chord.cpu.resume import resumes_by_memory

ACTIVATE = "trinity_chord.cpu.activate"

Wrapped = Callable[..., Any]
Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def activate_in_workers(config_module: ModuleType) -> None:
    """Make Ray's workers apply the patches too.

    Problem: the processes that Ray starts for a job know nothing of the patches.

    Fix: Ray calls the function that one environment variable names in each worker, before it
    imports any actor's code; `Config.get_envs` is where Trinity gathers the job's environment. An
    actor with its own `runtime_env` (workflow runners, verl's workers) inherits these variables.

    Every process imports the module, but only the launcher calls `Config.get_envs`. Checking for a
    GPU inside that call spares the other processes the import of torch.
    """
    from ray._private.ray_constants import WORKER_PROCESS_SETUP_HOOK_ENV_VAR

    @wrapt.patch_function_wrapper(config_module, "Config.get_envs")
    def get_envs(wrapped: Wrapped, _: Any, args: Args, kwargs: Kwargs) -> dict[str, str]:
        hook = {} if has_gpu() else {WORKER_PROCESS_SETUP_HOOK_ENV_VAR: ACTIVATE}
        return {**wrapped(*args, **kwargs), **hook}


def remove_stand_ins(mm_utils: ModuleType) -> None:
    """Remove the stand-ins for vLLM once the one module that imports them is loaded.

    Problem: see `trinity_chord.cpu.stand_ins`.
    """
    stand_ins.remove_modules()


def add_transformers_engine(allocator: ModuleType) -> None:
    """Add the engine type "transformers".

    Problem: `Allocator.create_engine` has a closed list of engines, all of which need a GPU.

    Fix: handle "transformers" here and pass every other type on.
    """

    @wrapt.patch_function_wrapper(allocator, "Allocator.create_engine")
    async def create_engine(wrapped: Wrapped, self: Any, args: Args, kwargs: Kwargs) -> Any:
        def bind(config: Any, role: str, engine_id: int) -> tuple[Any, str, int]:
            return config, role, engine_id

        config, role, engine_id = bind(*args, **kwargs)
        if config.engine_type != ENGINE_TYPE:
            return await wrapped(*args, **kwargs)
        from trinity_chord.cpu.engine import TransformersRolloutModel

        actor = self.get_actor_name(role, engine_id, 0)
        config = allocator.deepcopy(config)
        config.engine_id = engine_id
        return await allocator.get_model_wrapper(
            TransformersRolloutModel,
            config,
            self.pg,
            [(actor, self.bundle_result.actor_bundle_map[actor])],
        )


def load_saved_models_unrounded(utils: ModuleType) -> None:
    """Load a saved Hugging Face model in float32.

    Problem: a run that was stopped saves its model in float32, and the explorer of the resumed run
    loads it in the dtype of its config.json, mostly bfloat16. Its first rollouts then differ from
    the trainer's policy; see `verl_patches.sync_weights_unrounded`.
    """

    @wrapt.patch_function_wrapper(utils, "load_huggingface_state_dict")
    def load(_: Wrapped, __: Any, args: Args, kwargs: Kwargs) -> dict[str, Any]:
        return load_saved(*args, **kwargs)

    def load_saved(checkpoint_path: str, trust_remote_code: bool = False) -> dict[str, Any]:
        from transformers import AutoConfig
        from verl.utils.model import get_hf_auto_model_class

        trusted = {"trust_remote_code": trust_remote_code}
        config = AutoConfig.from_pretrained(checkpoint_path, **trusted)
        model_class = get_hf_auto_model_class(config)  # type: ignore[no-untyped-call]  # unannotated in verl
        model = model_class.from_pretrained(checkpoint_path, dtype=utils.torch.float32, **trusted)
        return dict(model.state_dict())


def wait_for_resumed_weights(synchronizer: ModuleType) -> None:
    """Let a resumed explorer wait for the trainer's weights.

    Problem: weights are synced by memory here, and `Synchronizer` starts with version 0, the start
    model. That is newer than the explorer's -1, so a resumed explorer samples from the start model
    and stays one step behind from then on.

    Fix: start with -1 if there is a checkpoint to resume from: no weights until the trainer's
    upload.
    """
    original = synchronizer.Synchronizer.__init__

    # A plain function: Ray copies the methods of an actor's class and drops wrapt's wrappers.
    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if resumes_by_memory(self.config):
            self.model_version = -1

    synchronizer.Synchronizer.__init__ = init


def skip_device_capability(monkey_patch: ModuleType) -> None:
    """Answer the question for the device capability with 0.

    Problem: `_build_module` calls `torch.cuda.get_device_capability`, which raises without a GPU.
    It uses the answer to decide whether all ranks but the first may build the model without its
    weights; capability 0 means no.
    """

    @wrapt.patch_function_wrapper(monkey_patch, "_build_module")
    def build_module(wrapped: Wrapped, _: Any, args: Args, kwargs: Kwargs) -> Any:
        cuda = monkey_patch.torch.cuda
        with mock.patch.object(cuda, "get_device_capability", return_value=(0, 0)):
            return wrapped(*args, **kwargs)


def save_adapter_without_cuda(workers: ModuleType) -> None:
    """Save a LoRA adapter without asking for a CUDA device.

    Problem: `_save_lora` moves the model to `torch.cuda.current_device()`, which raises without a
    GPU. It logs the error and saves nothing.
    """
    worker = workers.TrinityActorRolloutRefWorker
    original = worker._save_lora

    # A plain function, see `wait_for_resumed_weights`.
    @functools.wraps(original)
    def save_lora(self: Any, *args: Any, **kwargs: Any) -> None:
        with mock.patch.object(workers.torch.cuda, "current_device", return_value="cpu"):
            original(self, *args, **kwargs)

    worker._save_lora = save_lora
