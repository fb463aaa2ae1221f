"""Looks at GPUs, memory and disk."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil

from trinity_chord.doctor.findings import Finding, State

GIBIBYTE = 2**30
# The quickstart, the smallest run, takes up to 5.8 GiB.
MEMORY, DISK = 6 * GIBIBYTE, 10 * GIBIBYTE
# Ray keeps objects in shared memory, and on disk, much slower, if that is small.
SHARED_MEMORY = 2 * GIBIBYTE
SMI = ("nvidia-smi", "--query-gpu=name,memory.total,memory.used,driver_version")
CGROUP = Path("/sys/fs/cgroup")


def gpus_by_driver() -> list[str]:
    """Return a line per GPU that NVIDIA's driver lists; none without a driver."""
    if shutil.which(SMI[0]) is None:
        return []
    done = subprocess.run(
        [*SMI, "--format=csv,noheader"], capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip().splitlines() if done.returncode == 0 else []


def examine_gpus(listed: list[str]) -> Iterator[Finding]:
    """Yield the GPUs, and whether torch can use them.

    Args:
        listed: What `gpus_by_driver` returned.
    """
    import torch

    if not listed:
        yield Finding("GPUs", "none; runs here are on the CPU (`engine_type: transformers`)")
        return
    build = f"torch is built for CUDA {torch.version.cuda}"
    usable = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if torch.version.cuda is None:
        state, build, hint = State.bad, "torch is a build for CPUs", "install torch for CUDA"
    elif usable < len(listed):
        hint = "look at CUDA_VISIBLE_DEVICES, and whether the driver is new enough for this torch"
        state, build = State.bad, f"{build}, but can use {usable} of {len(listed)} GPUs"
    else:
        state, hint = State.good, ""
    yield Finding("CUDA", build, state, hint)
    for number, line in enumerate(listed):
        yield Finding(f"GPU {number}", line)


def examine_space(folder: Path) -> Iterator[Finding]:
    """Yield free memory, shared memory and disk.

    Args:
        folder: Where runs would be written.
    """
    yield _space("memory", free_memory(), MEMORY, "the quickstart takes up to 5.8 GiB")
    shared = Path("/dev/shm")
    if shared.is_dir():
        hint = "Ray moves objects to disk; in a container, start it with a larger --shm-size"
        yield _space("shared memory", shutil.disk_usage(shared).free, SHARED_MEMORY, hint)
    hint = "a checkpoint takes about 16 bytes per parameter"
    yield _space("disk", shutil.disk_usage(folder).free, DISK, hint)


def free_memory() -> int:
    """Return the bytes that this machine, or its container, has left."""
    free = int(psutil.virtual_memory().available)
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        used = int((CGROUP / "memory.current").read_text())
    except OSError:
        return free
    return free if limit == "max" else min(free, max(int(limit) - used, 0))


def _space(name: str, free: int, enough: int, hint: str) -> Finding:
    found = f"{free / GIBIBYTE:.1f} GiB free"
    return Finding(name, found) if free >= enough else Finding(name, found, State.note, hint)
