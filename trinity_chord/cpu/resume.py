"""Whether a run goes on from a checkpoint with weights that go by memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trinity.common.config import Config


def goes_on_by_memory(config: Config) -> bool:
    """Whether explorer and trainer of a resumed run meet by `sync_method: memory`."""
    checkpoint = Path(config.checkpoint_job_dir) / "latest_checkpointed_iteration.txt"
    return (
        config.mode in ("both", "colocate")
        and config.synchronizer.sync_method.value == "memory"
        and config.continue_from_checkpoint
        and checkpoint.exists()
    )
