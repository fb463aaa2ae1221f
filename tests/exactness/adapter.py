"""A policy that is a frozen model with a LoRA adapter, and the gradient of the adapter.

The reference does not use PEFT: the policy is also written as a dense model, with the weights
W + s·B·A, and by the chain rule the gradients of A and B follow from the dense gradient G of each
weight: s·Bᵀ·G and s·G·Aᵀ.
"""

from dataclasses import replace
from pathlib import Path

import torch
from peft import LoraConfig, TaskType, get_peft_model
from transformers import AutoModelForCausalLM
from trinity.common.config import LoRAConfig

from tests.exactness.policy import Policy, train

RANK, ALPHA = 4, 12
SCALE = ALPHA / RANK
PREFIX, A, B = "base_model.model.", ".lora_A.default.weight", ".lora_B.default.weight"


def make_adapted_policy(folder: Path, base: Policy) -> Policy:
    """Train an adapter of `base`, which becomes π_ref, towards other random probabilities."""
    model = AutoModelForCausalLM.from_pretrained(base.path, dtype=torch.float32)
    torch.manual_seed(2)
    model = get_peft_model(
        model,
        LoraConfig(
            task_type=TaskType.CAUSAL_LM, r=RANK, lora_alpha=ALPHA, target_modules="all-linear"
        ),
    )
    old_logprobs = train(model, seed=3)
    torch.save(model.state_dict(), folder / "weights.pt")
    dense = AutoModelForCausalLM.from_pretrained(base.path, dtype=torch.float64)
    with torch.no_grad():
        for name, (a, b) in factors(model.state_dict()).items():
            dense.get_parameter(name).add_(SCALE * b @ a)
    dense.save_pretrained(folder / "dense")
    return replace(
        base,
        path=str(folder / "dense"),
        weights_path=str(folder / "weights.pt"),
        reference_path=base.path,
        old_logprobs=old_logprobs,
        # As Trinity fills it in if no `path` is given: the trainer creates the adapter.
        lora_configs=[LoRAConfig(lora_rank=RANK, lora_alpha=ALPHA, is_dummy=True)],
    )


def factors(state: dict) -> dict:
    """Return {name of a dense weight: (A, B)} in float64."""
    names = [name.removesuffix(A) for name in state if name.endswith(A)]
    return {
        f"{name.removeprefix(PREFIX)}.weight": (state[name + A].double(), state[name + B].double())
        for name in names
    }


def adapter_gradient(dense_gradient: dict, state: dict) -> dict:
    """Return the gradient of each factor, by its name in the trainer.

    Args:
        dense_gradient: The gradient of the dense model, by parameter name.
        state: The weights of the policy with its adapter.
    """
    gradient = {}
    for name, (a, b) in factors(state).items():
        dense, module = dense_gradient[name], PREFIX + name.removesuffix(".weight")
        gradient[module + A] = SCALE * b.T @ dense
        gradient[module + B] = SCALE * dense @ a.T
    return gradient
