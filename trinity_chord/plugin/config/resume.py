"""Repairs a job's folder before a killed run resumes in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trinity.utils.log import get_logger

from trinity_chord.plugin.backends.cluster import TRAINING_MODES

if TYPE_CHECKING:
    from trinity.common.config import Config

CHECKPOINT = "latest_checkpointed_iteration.txt"
WEIGHTS = "latest_state_dict_iteration.txt"


def discard_weights_after_checkpoint(config: Config) -> None:
    """Discard the weights of steps that a killed run took after its last checkpoint.

    With `sync_method: checkpoint` Trinity writes the weights of every synced step and records the
    last one. A resumed trainer repeats those steps, but the explorer would sample from the recorded
    weights and then wait for newer ones: the run hangs. An explorer alone (`mode: explore`) changes
    nothing, because its trainer may be running.

    Tinker's service keeps only the last weights for the explorer, not those of the checkpoint's
    step. The trainer creates them from the checkpoint when it starts.

    Args:
        config: Trinity's configuration with its job folder set.
    """
    resumes = config.mode in TRAINING_MODES and config.continue_from_checkpoint
    if not resumes or not config.checkpoint_job_dir:
        return
    folder = Path(config.checkpoint_job_dir)
    checkpoint, weights = _step(folder / CHECKPOINT), _step(folder / WEIGHTS)
    if weights <= checkpoint:
        return
    if checkpoint and not config.model.tinker.enable:
        (folder / WEIGHTS).write_text(str(checkpoint), encoding="utf-8")
    else:
        (folder / WEIGHTS).unlink()
    get_logger(__name__).warning(
        "The run resumes from the checkpoint of step %d; the newer weights, up to step %d, are "
        "discarded.",
        checkpoint,
        weights,
    )


def _step(path: Path) -> int:
    return int(path.read_text(encoding="utf-8")) if path.exists() else 0
