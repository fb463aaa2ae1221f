"""What the cluster means for a batch: the trainer's data-parallel ranks."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trinity.common.config import Config


def data_parallel_ranks(config: Config) -> int:
    """The number of trainer ranks that share a train batch.

    Trinity counts the trainer's GPUs only after the algorithm's check, so its own validator is
    asked on a copy; where `cluster` says nothing it looks at the running Ray.

    Args:
        config: Trinity's configuration; it is not changed.

    Returns:
        Trainer GPUs / GPUs that work on the same rows (sequence, tensor, pipeline or context
        parallel ones).

    Raises:
        ValueError: The cluster is too small, or its GPUs do not divide.
    """
    from trinity.common.config_validator import RayClusterConfigValidator

    if config.mode not in ("both", "train", "colocate") or config.model.tinker.enable:
        return 1
    probe = deepcopy(config)
    RayClusterConfigValidator().validate(probe)
    gpus = probe.cluster.trainer_gpu_num
    if config.trainer.trainer_strategy.startswith("fsdp"):
        together = max(config.trainer.ulysses_sequence_parallel_size, 1)
    else:
        megatron = config.trainer.megatron
        together = (
            megatron.tensor_model_parallel_size
            * megatron.pipeline_model_parallel_size
            * megatron.context_parallel_size
        )
    if gpus % together:
        raise ValueError(
            f"the trainer's {gpus} GPUs cannot be split into groups of {together} "
            "(sequence, tensor, pipeline and context parallel sizes multiplied)"
        )
    return max(gpus // together, 1)
