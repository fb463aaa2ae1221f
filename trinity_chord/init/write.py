"""Writes a configuration to start from, and says what to do next."""

from __future__ import annotations

from pathlib import Path

from trinity_chord.errors import ChordError
from trinity_chord.quickstart import yaml_path
from trinity_chord.recipes.clusters import CLUSTERS, DEFAULT_GPUS, Cluster
from trinity_chord.recipes.domains import DOMAINS
from trinity_chord.recipes.methods import METHODS
from trinity_chord.recipes.write import render, render_chord

METHOD = "chord_phi"
QUICKSTART = "configs/quickstart_cpu.yaml"


def write(start: str, path: Path, gpus: int | None) -> list[str]:
    """Write a configuration.

    Args:
        start: ``"chord"``, ``"cpu"`` or the name of a domain.
        path: The file; must not exist.
        gpus: GPUs of the cluster, a key of `CLUSTERS`; counted on this machine if None.

    Returns:
        Lines that say what was written and what to do next.

    Raises:
        ChordError: The file exists.
    """
    if path.exists():
        raise ChordError(f"--out: got {path}, which exists, expected a new file")
    if start == "cpu":
        text, said = _cpu(path), "for a machine without a GPU"
        before = ["trinity-chord quickstart --prepare"]
    else:
        size = gpus or _gpus_here()
        cluster = CLUSTERS[size or DEFAULT_GPUS]
        text = _text(start, cluster, path)
        said = f"for {cluster.hardware}"
        if not (gpus or size):
            said += ", because no GPU was found here (--gpus for another number)"
        source = DOMAINS[start].source if start in DOMAINS else DOMAINS["math"].source
        folder = start if start in DOMAINS else "math"
        before = [f"trinity-chord prepare {source} --out data/{folder}"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    commands = [*before, f"trinity-chord check {path}", f"trinity-chord run {path}"]
    return [f"Wrote {path}, {said}. Next:", *(f"  {command}" for command in commands)]


def _text(start: str, cluster: Cluster, path: Path) -> str:
    if start == "chord":
        return render_chord(cluster, path)
    method = next(each for each in METHODS if each.name == METHOD)
    size = "" if cluster.gpus == DEFAULT_GPUS else f" --gpus {cluster.gpus}"
    return render(DOMAINS[start], method, cluster, path, f"trinity-chord init {start}{size}")


def _cpu(path: Path) -> str:
    text = yaml_path().read_text(encoding="utf-8")
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith("# Source:")]
    return "".join(lines).replace(QUICKSTART, str(path))


def _gpus_here() -> int | None:
    """Return the largest cluster that this machine's GPUs make up, None without a GPU."""
    import torch

    count = torch.cuda.device_count()
    return max((size for size in CLUSTERS if size <= count), default=None)
