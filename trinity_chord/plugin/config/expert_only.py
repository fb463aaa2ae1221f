"""Weighted SFT without rollouts: turns a configuration of Trinity's `sft` into pure imitation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trinity.common.config import ExperienceBufferConfig
from trinity.common.constants import SyncMethod

from trinity_chord.errors import Problems
from trinity_chord.plugin import names
from trinity_chord.plugin.config.sample_args import SampleArgs
from trinity_chord.plugin.config.settings import read_settings
from trinity_chord.plugin.contract import is_derived
from trinity_chord.plugin.names import SAMPLE_ARGS

if TYPE_CHECKING:
    from trinity.common.config import Config


def to_expert_only(config: Config) -> None:
    """Turn a configuration of Trinity's `sft` into one whose rows are all expert rows.

    The data set may be where Trinity's `sft` has it, in `experience_buffer`, or in an auxiliary
    buffer as for CHORD. Weights are synced only when a checkpoint is written, because no explorer
    needs them.

    Args:
        config: Trinity's configuration; changed in place.

    Raises:
        ChordConfigError: The configuration asks for more than training on expert data.
    """
    if is_derived(config):
        return
    problems = Problems()
    if config.mode != "train":
        problems.add("mode", config.mode, "'train'", "for rollouts as well, use CHORDAlgorithm")
    given = config.algorithm.sample_strategy_args
    args = read_settings(SampleArgs, SAMPLE_ARGS, given, Problems())  # reported by `derive`
    for key in ("expert_data_ratio", "expert_rows"):
        if args.has(key):
            problems.add(
                f"{SAMPLE_ARGS}.{key}",
                getattr(args, key),
                "no value, because a batch has `buffer.train_batch_size` rows, all of them expert",
            )
    _move_data_set(config, args)
    problems.raise_if_any(f"The configuration of `{config.algorithm.algorithm_type}` cannot be run")
    if given is None or isinstance(given, Mapping):
        config.algorithm.sample_strategy_args = {**(given or {}), "expert_data_ratio": 1}
    config.algorithm.algorithm_type = names.ALGORITHM
    config.synchronizer.sync_method = SyncMethod.CHECKPOINT
    if config.trainer.save_interval > 0:
        config.synchronizer.sync_interval = config.trainer.save_interval


def _move_data_set(config: Config, args: SampleArgs) -> None:
    """Make the experience buffer an auxiliary buffer, unless the expert sets are given as such."""
    inputs = config.buffer.trainer_input
    data = inputs.experience_buffer
    is_named = args.has("expert_sets") or args.has("sft_dataset_name")
    if is_named or data is None or args.sft_dataset_name in inputs.auxiliary_buffers:
        return
    inputs.auxiliary_buffers[args.sft_dataset_name] = data
    inputs.experience_buffer = ExperienceBufferConfig(name="rollouts", storage_type="queue")
