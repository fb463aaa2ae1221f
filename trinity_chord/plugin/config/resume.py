"""Makes a job's folder whole again before a run goes on in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trinity.utils.log import get_logger

if TYPE_CHECKING:
    from trinity.common.config import Config

CHECKPOINT = "latest_checkpointed_iteration.txt"
WEIGHTS = "latest_state_dict_iteration.txt"


def forget_lost_steps(config: Config) -> None:
    """Takes back the weights of steps that a killed run did after its last checkpoint.

    With `sync_method: checkpoint` Trinity writes the weights of every synced step and remembers
    the last. A resumed trainer does those steps again, while the explorer would sample from the
    lost ones and then wait for weights newer than theirs: the run hangs. An explorer alone
    (`mode: explore`) changes nothing: its trainer may be at work.

    Of Tinker's weights for the explorer only the last are kept, by its service: there are none of
    the checkpoint's step. The trainer makes them from the checkpoint when it starts.

    Args:
        config: Trinity's configuration, its job folder known.
    """
    has_trainer = config.mode in ("both", "colocate", "train")
    if not has_trainer or not config.continue_from_checkpoint or not config.checkpoint_job_dir:
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
        "The run goes on from the checkpoint of step %d; the weights of the steps up to %d, which "
        "came after it, are not used.",
        checkpoint,
        weights,
    )


def _step(path: Path) -> int:
    return int(path.read_text(encoding="utf-8")) if path.exists() else 0
