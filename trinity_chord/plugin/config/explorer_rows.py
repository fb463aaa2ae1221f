"""How many on-policy rows the explorer makes for one training step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trinity_chord.plugin.config.batch_plan import BatchPlanError

if TYPE_CHECKING:
    from trinity.common.config import Config


def explorer_rows(config: Config) -> int | None:
    """On-policy rows that the explorer makes for one training step, None where nobody knows.

    Args:
        config: Trinity's configuration.

    Raises:
        BatchPlanError: The rows between two syncs cannot be shared by the training steps.
    """
    if config.mode not in ("both", "colocate"):
        return None
    if config.buffer.train_batch_size and _rows_change_on_the_way(config):
        return None  # The user's number is the only one known.
    sync = config.synchronizer
    explorer = sync.explorer_sync_interval or sync.sync_interval
    trainer = sync.trainer_sync_interval or sync.sync_interval
    if explorer < 1 or trainer < 1:
        raise BatchPlanError(
            f"`synchronizer.sync_interval`: got {sync.sync_interval!r}, expected 1 or more"
        )
    made = config.buffer.batch_size * config.algorithm.repeat_times * explorer
    if made % trainer:
        raise BatchPlanError(
            f"the explorer makes {made} rows between two syncs, which {trainer} training steps "
            "cannot share; change `synchronizer.trainer_sync_interval`"
        )
    return made // trainer


def _rows_change_on_the_way(config: Config) -> bool:
    """Whether rows are dropped, added or used again between the explorer and the trainer."""
    buffer = config.buffer.trainer_input.experience_buffer
    replay = buffer.replay_buffer if buffer is not None else None
    return bool(
        config.data_processor.experience_pipeline.operators
        or config.explorer.over_rollout.ratio
        or (replay is not None and replay.enable)
    )
