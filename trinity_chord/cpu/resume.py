"""How a resumed run gets its weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trinity.common.config import Config


def resumes_by_memory(config: Config) -> bool:
    """Return whether a run resumes from a checkpoint and syncs weights by `memory`."""
    checkpoint = Path(config.checkpoint_job_dir) / "latest_checkpointed_iteration.txt"
    return (
        config.mode in ("both", "colocate")
        and config.synchronizer.sync_method.value == "memory"
        and config.continue_from_checkpoint
        and checkpoint.exists()
    )
