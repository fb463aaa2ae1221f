"""The clusters that recipes are written for."""

from __future__ import annotations

from dataclasses import dataclass

import typer

DEFAULT_GPUS = 8


@dataclass(frozen=True)
class Cluster:
    """GPUs of 80 GB, and how a recipe shares them between rollouts and training.

    Attributes:
        gpus: Number of GPUs.
        nodes: Number of nodes.
        mode: Trinity's mode of a run with rollouts.
        engines: Number of vLLM engines, each on one GPU; the other GPUs train.
        sync_method: How new weights reach the engines.
    """

    gpus: int
    nodes: int = 1
    mode: str = "both"
    engines: int = 1
    sync_method: str = "nccl"

    @property
    def gpus_per_node(self) -> int:
        """Number of GPUs in each node."""
        return self.gpus // self.nodes

    @property
    def hardware(self) -> str:
        """The hardware in words, for the header of a recipe."""
        if self.gpus == 1:
            return "1 GPU of 80 GB"
        nodes = "1 node" if self.nodes == 1 else f"{self.nodes} nodes"
        each = " each" * (self.nodes > 1)
        return f"{nodes} with {self.gpus_per_node} GPUs of 80 GB{each}"

    @property
    def shares(self) -> str:
        """How rollouts and training share the GPUs, for the header of a recipe."""
        if self.gpus == 1:
            return "rollouts and training take turns (mode: colocate)"
        return f"{self.engines} for rollouts, {self.gpus - self.engines} for training"


CLUSTERS = {
    1: Cluster(1, mode="colocate", sync_method="memory"),
    4: Cluster(4, engines=2),
    8: Cluster(8, engines=4),
    16: Cluster(16, nodes=2, engines=8),
}


def check_gpus(gpus: int | None) -> int | None:
    """Check the option ``--gpus`` of a command."""
    if gpus is None or gpus in CLUSTERS:
        return gpus
    raise typer.BadParameter(f"got {gpus}, expected one of {', '.join(map(str, CLUSTERS))}")
