"""The two domains of CHORD's experiments, and the clusters that their recipes are for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VARIABLE = "TRINITY_CHORD_GPUS"
DEFAULT_GPUS = 8
ONE_GPU = "colocate"


@dataclass(frozen=True)
class Domain:
    """What the recipes of a domain share (CHORD, arXiv 2508.11408, its set-up).

    Attributes:
        name: Its name, also that of its folders.
        model: The model of the paper.
        workflow: Trinity's workflow or ours, which makes the rollouts.
        reward: The reward of a rollout.
        prompts: RL prompts of a step.
        expert_rows: Expert rows of a step.
        mu_decay_steps: Steps in which CHORD-μ falls from 0.9 to 0.05.
        save_interval: Steps between checkpoints.
        offloads: The cluster sizes, in GPUs, whose trainer keeps parameters and Adam's states in
            the machine's memory, because 80 GB of each GPU are too few (`trinity-chord check`).
    """

    name: str
    model: str
    workflow: str
    reward: str
    prompts: int
    expert_rows: int
    mu_decay_steps: int
    save_interval: int
    offloads: tuple[int, ...]

    @property
    def clusters(self) -> dict[int, str]:
        """For each number of GPUs what follows from it, as YAML in one line."""
        return {gpus: _in_a_line(cluster(gpus, gpus in self.offloads)) for gpus in SIZES}


SIZES = (1, 4, 8, 16)
GPUS_OF_A_NODE = 8
DOMAINS = {
    "math": Domain(
        name="math",
        model="Qwen/Qwen2.5-7B-Instruct",
        workflow="trinity_chord.MathWorkflow",
        reward="trinity_chord.MathReward",
        prompts=32,
        expert_rows=64,
        mu_decay_steps=200,
        save_interval=100,
        offloads=(1, 4),
    ),
    "tool": Domain(
        name="tool",
        model="meta-llama/Llama-3.2-3B-Instruct",
        workflow="trinity_chord.ToolCallWorkflow",
        reward="trinity_chord.ToolCallReward",
        prompts=96,
        expert_rows=96,
        mu_decay_steps=30,
        save_interval=20,
        offloads=(1,),
    ),
}


def cluster(gpus: int, offload_policy: bool) -> dict[str, Any]:
    """What follows from a number of GPUs: half of them make rollouts, the other half train.

    Args:
        gpus: All GPUs; one works on both in turns.
        offload_policy: Whether the trainer's parameters lie in the machine's memory.
    """
    nodes = max(1, gpus // GPUS_OF_A_NODE)
    return {
        "mode": ONE_GPU if gpus == 1 else "both",
        "node_num": nodes,
        "gpu_per_node": gpus // nodes,
        "engine_num": max(1, gpus // 2),
        "offload_policy": offload_policy,
    }


def chosen(key: str) -> str:
    """The interpolation by which YAML takes a value of the chosen line of the table."""
    return f"${{monitor.monitor_args.{VARIABLE}.${{oc.env:{VARIABLE},{DEFAULT_GPUS}}}.{key}}}"


def _in_a_line(values: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(
        dict(values), sort_keys=False, default_flow_style=True, width=1000
    ).strip()
