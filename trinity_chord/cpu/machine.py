"""Whether this machine has a GPU, and the rollout engine for machines without one."""

from __future__ import annotations

ENGINE_TYPE = "transformers"  # Its value of `explorer.rollout_model.engine_type`.


def has_gpu() -> bool:
    """Return whether torch can use a CUDA device in this process."""
    import torch

    return torch.cuda.is_available()
