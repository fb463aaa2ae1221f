"""Weighted SFT alone: turns Trinity's SFT configuration into pure imitation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trinity.common.config import ExperienceBufferConfig
from trinity.common.constants import SyncMethod

from trinity_chord.errors import Problems
from trinity_chord.plugin import names
from trinity_chord.plugin.config.checks import as_mapping
from trinity_chord.plugin.contract import is_derived
from trinity_chord.plugin.names import SAMPLE_ARGS

if TYPE_CHECKING:
    from trinity.common.config import Config

BUFFER = "buffer.trainer_input.experience_buffer"
EXPERTS = "sft_dataset"


def as_imitation(config: Config) -> None:
    """Reads a configuration of Trinity's `sft` as one whose rows are all expert rows.

    The data set stands where Trinity's `sft` has it, in `experience_buffer`, or in an auxiliary
    buffer as for CHORD. Weights are synced where a checkpoint is written: nobody else wants them.

    Args:
        config: Trinity's configuration; changed in place.

    Raises:
        ChordConfigError: It is no training of expert data alone.
    """
    if is_derived(config):
        return
    title = f"The configuration of `{config.algorithm.algorithm_type}` cannot be run"
    problems = Problems()
    if config.mode != "train":
        problems.add("mode", config.mode, "'train'", "for rollouts as well, use CHORDAlgorithm")
    args = as_mapping(SAMPLE_ARGS, config.algorithm.sample_strategy_args, problems)
    for key in ("expert_data_ratio", "expert_rows"):
        if args.get(key) is not None:
            problems.add(
                f"{SAMPLE_ARGS}.{key}",
                args[key],
                "nothing: all rows are `buffer.train_batch_size` rows",
            )
    _move_data_set(config, "expert_sets" in args or "sft_dataset_name" in args)
    problems.raise_if_any(title)
    config.algorithm.sample_strategy_args = {**args, "expert_data_ratio": 1}
    config.algorithm.algorithm_type = names.ALGORITHM
    config.synchronizer.sync_method = SyncMethod.CHECKPOINT
    if config.trainer.save_interval > 0:
        config.synchronizer.sync_interval = config.trainer.save_interval


def _move_data_set(config: Config, named: bool) -> None:
    inputs = config.buffer.trainer_input
    data = inputs.experience_buffer
    if named or data is None or EXPERTS in inputs.auxiliary_buffers:
        return
    inputs.auxiliary_buffers[EXPERTS] = data
    inputs.experience_buffer = ExperienceBufferConfig(name="rollouts", storage_type="queue")
