"""The LoRA adapter of the rollout model."""

from __future__ import annotations

import os
from typing import Any

from peft import PeftModel, get_peft_model_state_dict, load_peft_weights
from trinity.common.models.utils import load_state_dict

from trinity_chord.cpu.weights import copy_weights, load_weights


def with_adapter(model: Any, folder: str) -> PeftModel:
    """Add an adapter to a model.

    The adapter is not merged into the weights, because the trainer does not merge it either: the
    log-probabilities of rollouts then equal the trainer's.

    Args:
        model: The base model; changed in place.
        folder: The folder of the adapter.
    """
    return PeftModel.from_pretrained(model, folder).eval()


def load_checkpoint(model: Any, folder: str, trust_remote_code: bool) -> None:
    """Load what a trainer has trained: the adapter if the model has one, else all weights.

    Args:
        model: The rollout model; changed in place.
        folder: The `actor` folder of a checkpoint.
        trust_remote_code: Whether code that comes with the model may run.

    Raises:
        ChordConfigError: See `copy_weights`.
    """
    if isinstance(model, PeftModel):
        weights = load_peft_weights(os.path.join(folder, "lora_adapter"), device="cpu")
        copy_weights(get_peft_model_state_dict(model), weights)
    else:
        load_weights(model, load_state_dict(folder, trust_remote_code))
