"""What the cluster means for a batch: the trainer's GPUs and its data-parallel ranks."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trinity.common.config import Config

TRAINING_MODES = ("both", "train", "colocate")


def trainer_gpus(config: Config) -> int:
    """The number of GPUs, real or counted, that Trinity will give to the trainer.

    Trinity counts them only after the algorithm's check, so its own validator is asked on a copy;
    where `cluster` says nothing it looks at the running Ray.

    Args:
        config: Trinity's configuration; it is not changed.

    Returns:
        The GPUs, 1 where there is no trainer or it is not on this cluster (Tinker).

    Raises:
        ValueError: Ray does not run, counts no GPU, or too few.
    """
    from trinity.common.config_validator import RayClusterConfigValidator

    if config.mode not in TRAINING_MODES or config.model.tinker.enable:
        return 1
    probe = deepcopy(config)
    try:
        RayClusterConfigValidator().validate(probe)
    except ConnectionError as error:
        raise ValueError(
            f"node_num and gpu_per_node are not set, and no Ray runs at "
            f"{config.cluster.ray_address!r} to count them; set both, or start Ray: "
            "`ray start --head`"
        ) from error
    except ZeroDivisionError as error:  # Trinity divides by the GPUs of a node.
        raise ValueError(
            "gpu_per_node is 0: the running Ray counts no GPU. On a machine without one start it "
            "with `ray start --head --num-gpus=N` (one for each rollout engine and for each "
            "trainer process), or let `trinity-chord run` do so"
        ) from error
    return max(probe.cluster.trainer_gpu_num, 1)


def data_parallel_ranks(config: Config) -> int:
    """The number of trainer ranks that share a train batch.

    Args:
        config: Trinity's configuration; it is not changed.

    Returns:
        Trainer GPUs / GPUs that work on the same rows (sequence, tensor, pipeline or context
        parallel ones).

    Raises:
        ValueError: As in `trainer_gpus`, or the GPUs do not divide.
    """
    return ranks_of(config, trainer_gpus(config))


def ranks_of(config: Config, gpus: int) -> int:
    """The data-parallel ranks of a trainer with ``gpus`` GPUs; see `data_parallel_ranks`."""
    if config.mode not in TRAINING_MODES or config.model.tinker.enable:
        return 1
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
    return gpus // together
