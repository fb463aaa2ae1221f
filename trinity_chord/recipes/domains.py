"""The two domains of CHORD's experiments (arXiv 2508.11408)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Domain:
    """The settings that all recipes of a domain share.

    Attributes:
        name: Name of the domain and of its folders.
        source: The command of `trinity-chord prepare` that makes its data.
        model: The paper's model.
        workflow: The workflow that makes the rollouts.
        reward: The reward function of a rollout.
        prompts: RL prompts per step.
        expert_rows: Expert rows per step.
        sft_rows: Rows of the SFT set that `trinity-chord prepare` makes.
        max_model_len: Tokens of a prompt and its response.
        mu_decay_steps: Steps in which CHORD-μ decays from 0.9 to 0.05.
        save_interval: Steps between checkpoints.
        offload_gpus: The cluster sizes, in GPUs, that keep the trainer's parameters and optimizer
            state in CPU memory because they do not fit in 80 GB per GPU.
    """

    name: str
    source: str
    model: str
    workflow: str
    reward: str
    prompts: int
    expert_rows: int
    sft_rows: int
    max_model_len: int
    mu_decay_steps: int
    save_interval: int
    offload_gpus: tuple[int, ...]


DOMAINS = {
    "math": Domain(
        name="math",
        source="openr1-math",
        model="Qwen/Qwen2.5-7B-Instruct",
        workflow="trinity_chord.MathWorkflow",
        reward="trinity_chord.MathReward",
        prompts=32,
        expert_rows=64,
        sft_rows=5000,
        max_model_len=17408,
        mu_decay_steps=200,
        save_interval=100,
        offload_gpus=(1, 4),
    ),
    "tool": Domain(
        name="tool",
        source="toolace",
        model="meta-llama/Llama-3.2-3B-Instruct",
        workflow="trinity_chord.ToolCallWorkflow",
        reward="trinity_chord.ToolCallReward",
        prompts=96,
        expert_rows=96,
        sft_rows=500,
        max_model_len=24576,
        mu_decay_steps=30,
        save_interval=20,
        offload_gpus=(1,),
    ),
}
