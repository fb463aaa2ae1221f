"""Load a trainer's weights into a model, all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from trinity_chord.errors import ChordConfigError


def load_weights(model: nn.Module, weights: Any) -> None:
    """Copy weights into the parameters and buffers of a model; see `copy_weights`."""
    copy_weights(model.state_dict(), weights)


@torch.no_grad()
def copy_weights(own: Mapping[str, Tensor], weights: Any) -> None:
    """Copy weights into those of a model, in the model's dtype.

    Args:
        own: The tensors of the model to change, by name.
        weights: The new values, by name. A key may be missing if the model ties its parameter to
            another one.

    Raises:
        ChordConfigError: A key is missing, unexpected or of another shape, or ``weights`` is not
            a state dict. The model is unchanged.
    """
    if not isinstance(weights, dict):
        raise ChordConfigError(
            f"the trainer's weights: got {type(weights).__name__}, expected a dict of tensors; set "
            "`trainer.trainer_strategy` to fsdp2"
        )
    covered = {own[key].data_ptr() for key in weights if key in own}
    problems = {
        "missing": [k for k in own if k not in weights and own[k].data_ptr() not in covered],
        "unexpected": [key for key in weights if key not in own],
        "of another shape": [
            key for key in weights if key in own and weights[key].shape != own[key].shape
        ],
    }
    if any(problems.values()):
        raise ChordConfigError(
            "the trainer's weights do not fit the rollout model: "
            + "; ".join(
                f"{len(keys)} {problem}, first {keys[0]}"
                for problem, keys in problems.items()
                if keys
            )
            + "; both must load the same `model.model_path`"
        )
    for key, value in weights.items():
        own[key].copy_(value)
