"""A policy whose tokens have probabilities from 0 to 1, and a policy that sampled the rollouts."""

from dataclasses import dataclass
from pathlib import Path

import torch
from trinity.common.config import LoRAConfig

from tests.exactness.reference import load_model, of_response, response_logprobs
from tests.exactness.rows import make_rows
from tests.tiny_model import make_model_folder
from tests.tiny_vision_model import make_vision_model_folder

STEPS, LEARNING_RATE = 60, 3e-3
NOISE = 0.8  # standard deviation of log π_θ - log π_old


@dataclass(frozen=True)
class Policy:
    """The models of a train step.

    Attributes:
        path: A model folder of π_θ.
        weights_path: A file with the weights of π_θ.
        reference_path: A model folder of π_ref, which is also what the trainer loads.
        old_logprobs: log π_old of each row's response, float32, by the row's number.
        lora_configs: Trinity's `model.lora_configs`.
        images: Whether it reads images, and the rows have some.
    """

    path: str
    weights_path: str
    reference_path: str
    old_logprobs: list[torch.Tensor]
    lora_configs: list[LoRAConfig] | None = None
    images: bool = False


def make_policy(folder: Path, *, images: bool = False) -> Policy:
    """Write π_ref, which is random, and π_θ, trained towards random probabilities, to a folder."""
    make = make_vision_model_folder if images else make_model_folder
    reference = make(folder / "reference")
    model = load_model(reference, torch.float32)
    old_logprobs = train(model, seed=1, images=images)
    model.save_pretrained(folder / "policy")
    torch.save(model.state_dict(), folder / "weights.pt")
    return Policy(
        str(folder / "policy"),
        str(folder / "weights.pt"),
        str(reference),
        old_logprobs,
        images=images,
    )


def train(model: torch.nn.Module, seed: int, *, images: bool = False) -> list[torch.Tensor]:
    """Train a model towards random probabilities of the tokens and return `Policy.old_logprobs`."""
    rows = make_rows("token-mean", "token-mean", images=images)
    rows.sort(key=lambda row: row.eid.run)
    generator = torch.Generator().manual_seed(seed)
    targets = torch.rand(sum(len(row.action_mask) for row in rows), generator=generator)
    trained = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=LEARNING_RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        p = torch.cat([logprobs_of(model, row) for row in rows]).exp()
        (p - targets).square().mean().backward()
        optimizer.step()
    with torch.no_grad():
        new = [logprobs_of(model, row) for row in rows]
    old = [logprobs - NOISE * torch.randn(logprobs.shape, generator=generator) for logprobs in new]
    return [logprobs.clamp(max=-1e-6) for logprobs in old]


def logprobs_of(model, row) -> torch.Tensor:
    """Return the log-probabilities of a row's response."""
    return of_response(response_logprobs(model, row), row)
