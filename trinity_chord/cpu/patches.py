"""The table of patches: places in Trinity, verl and transformers that take a GPU for granted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from trinity_chord.cpu import (
    transformers_patches,
    trinity_patches,
    verl_patches,
    vllm_patches,
)
from trinity_chord.cpu.machine import has_gpu
from trinity_chord.versions import require_supported_versions


@dataclass(frozen=True)
class Patch:
    """A change of one module, in memory.

    Attributes:
        module_name: The module to change.
        function: Changes it. Its docstring describes the problem on a machine without a GPU.
        with_gpu: Whether the function is called on a machine with a GPU too. It then checks for a
            GPU itself, when it needs to know.
    """

    module_name: str
    function: Callable[[ModuleType], None]
    with_gpu: bool = False

    def apply(self, module: ModuleType) -> None:
        """Patch the module, right after its import.

        Raises:
            UnsupportedVersionError: There is no GPU, and the patches were not written for the
                installed version of Trinity or verl.
        """
        if self.with_gpu:
            self.function(module)
        elif not has_gpu():
            require_supported_versions()
            self.function(module)


FSDP = "verl.workers.engine.fsdp.transformer_impl"

PATCHES = (
    Patch("transformers.processing_utils", transformers_patches.load_processors_without_video),
    Patch("trinity.common.config", trinity_patches.activate_in_workers, with_gpu=True),
    Patch("trinity.common.models.mm_utils", trinity_patches.remove_stand_ins, with_gpu=True),
    Patch("trinity.common.models.allocator", trinity_patches.add_transformers_engine),
    Patch("trinity.common.models.utils", trinity_patches.load_saved_models_unrounded),
    Patch("trinity.common.models.vllm_model", vllm_patches.use_cpu_worker),
    Patch("trinity.manager.synchronizer", trinity_patches.wait_for_resumed_weights),
    Patch("trinity.trainer.verl.monkey_patch", trinity_patches.skip_device_capability),
    Patch("trinity.trainer.verl.workers", trinity_patches.save_adapter_without_cuda),
    Patch("verl.utils.attention_utils", verl_patches.pad_without_flash_attn),
    Patch("verl.utils.device", verl_patches.count_process_memory),
    Patch("verl.workers.engine_workers", verl_patches.use_gloo),
    Patch(FSDP, verl_patches.register_fsdp_engine),
    Patch(FSDP, verl_patches.offload_without_pinned_memory),
    Patch(FSDP, verl_patches.sync_weights_unrounded),
    Patch("verl.model_merger.fsdp_model_merger", verl_patches.merge_weights_unrounded),
)
