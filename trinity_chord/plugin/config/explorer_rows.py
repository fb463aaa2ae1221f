"""The on-policy rows that the explorer makes for one training step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trinity_chord.errors import ChordConfigError

if TYPE_CHECKING:
    from trinity.common.config import Config


def explorer_rows(config: Config) -> int | None:
    """Return the on-policy rows that the explorer makes for one training step.

    Args:
        config: Trinity's configuration.

    Returns:
        The rows; None if there is no explorer, or if rows are added or dropped on their way to the
        trainer and `buffer.train_batch_size` is set.

    Raises:
        ChordConfigError: The rows between two syncs do not divide among the training steps.
    """
    if config.mode not in ("both", "colocate"):
        return None
    if config.buffer.train_batch_size and _row_count_changes(config):
        return None
    sync = config.synchronizer
    explorer = sync.explorer_sync_interval or sync.sync_interval
    trainer = sync.trainer_sync_interval or sync.sync_interval
    if explorer < 1 or trainer < 1:
        raise ChordConfigError(
            f"`synchronizer.sync_interval`: got {sync.sync_interval!r}, expected 1 or more"
        )
    made = config.buffer.batch_size * config.algorithm.repeat_times * explorer
    if made % trainer:
        raise ChordConfigError(
            f"`synchronizer.trainer_sync_interval`: got {trainer}, expected a divisor of {made}, "
            "the rows that the explorer makes between two syncs"
        )
    return made // trainer


def _row_count_changes(config: Config) -> bool:
    """Return whether rows are dropped, added or reused between the explorer and the trainer."""
    buffer = config.buffer.trainer_input.experience_buffer
    replay = buffer.replay_buffer if buffer is not None else None
    return bool(
        config.data_processor.experience_pipeline.operators
        or config.explorer.over_rollout.ratio
        or (replay is not None and replay.enable)
    )
