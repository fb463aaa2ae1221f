"""What the cluster means for a batch: the trainer's GPUs and its data-parallel ranks."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from trinity_chord.errors import ChordConfigError

if TYPE_CHECKING:
    from trinity.common.config import Config

TRAINING_MODES = ("both", "train", "colocate")


def trainer_gpus(config: Config) -> int:
    """Return the number of GPUs, real or simulated, that Trinity will give to the trainer.

    Trinity counts them only after the algorithm's check, so this runs its validator on a copy. If
    `cluster` is not set, the validator asks the running Ray.

    Args:
        config: Trinity's configuration; not changed.

    Returns:
        The number of GPUs; 1 if there is no trainer, or it is not on this cluster (Tinker).

    Raises:
        ValueError: Ray does not run, or has no GPUs, or too few.
    """
    from trinity.common.config_validator import RayClusterConfigValidator

    if not _trains_here(config):
        return 1
    probe = deepcopy(config)
    try:
        RayClusterConfigValidator().validate(probe)
    except ConnectionError as error:
        raise ChordConfigError(
            "got neither node_num and gpu_per_node nor a running Ray at "
            f"{config.cluster.ray_address!r} to count them, expected one of the two; set both "
            "keys, or start Ray: `ray start --head`"
        ) from error
    except ZeroDivisionError as error:  # Trinity divides by the GPUs of a node
        raise ChordConfigError(
            "got a running Ray without GPUs, expected GPUs for the trainer; on a machine without "
            "any, start Ray with `ray start --head --num-gpus=N` (one for each rollout engine and "
            "each trainer process), or let `trinity-chord run` start it"
        ) from error
    return max(probe.cluster.trainer_gpu_num, 1)


def data_parallel_ranks(config: Config) -> int:
    """Return the number of trainer ranks that share a train batch.

    Args:
        config: Trinity's configuration; not changed.

    Returns:
        Trainer GPUs / GPUs that work on the same rows (sequence, tensor, pipeline or context
        parallelism).

    Raises:
        ValueError: See `trainer_gpus`, or the division leaves a remainder.
    """
    return ranks_of(config, trainer_gpus(config))


def ranks_of(config: Config, gpus: int) -> int:
    """Return the data-parallel ranks of a trainer with ``gpus`` GPUs; see `data_parallel_ranks`."""
    if not _trains_here(config):
        return 1
    if config.trainer.trainer_strategy.startswith("fsdp"):
        group = max(config.trainer.ulysses_sequence_parallel_size, 1)
    else:
        megatron = config.trainer.megatron
        group = (
            megatron.tensor_model_parallel_size
            * megatron.pipeline_model_parallel_size
            * megatron.context_parallel_size
        )
    if gpus % group:
        raise ChordConfigError(
            f"got {gpus} GPUs for the trainer, expected a multiple of {group} (sequence, tensor, "
            "pipeline and context parallel sizes multiplied)"
        )
    return gpus // group


def _trains_here(config: Config) -> bool:
    return config.mode in TRAINING_MODES and not config.model.tinker.enable
