"""Put a trainer's weights into a model, all of them or none."""

from typing import Any

from torch import Tensor, nn


def load_weights(model: nn.Module, weights: Any) -> None:
    """Copy weights into the parameters and buffers of a model, in the model's dtype.

    Args:
        model: the model to change.
        weights: a state dict. A key may be missing where the model ties it to one that is there.

    Raises:
        ValueError: a key is missing, unexpected or of another shape, or there is no state dict.
            The model is then as it was.
    """
    if not isinstance(weights, dict):
        raise ValueError(
            f"expected the trainer's weights as a dict of tensors, got {type(weights).__name__}. "
            "Set trainer.trainer_strategy to fsdp2."
        )
    own: dict[str, Tensor] = model.state_dict()
    delivered = {own[key].data_ptr() for key in weights if key in own}
    problems = {
        "missing": [k for k in own if k not in weights and own[k].data_ptr() not in delivered],
        "unexpected": [key for key in weights if key not in own],
        "of another shape": [
            key for key in weights if key in own and weights[key].shape != own[key].shape
        ],
    }
    if any(problems.values()):
        raise ValueError(
            "the trainer's weights do not fit the rollout model: "
            + "; ".join(
                f"{len(keys)} {problem}, first {keys[0]}"
                for problem, keys in problems.items()
                if keys
            )
            + ". Both must load the same model.model_path."
        )
    model.load_state_dict(weights, strict=False)
