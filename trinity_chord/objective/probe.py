"""Example expert rows on which a weight is tried before a run."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

# Certain, impossible, mixed, and as flat as a large vocabulary allows.
_LOGPROBS = (
    (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    (-100.0, -100.0, -100.0, -100.0, -100.0, -100.0),
    (0.0, -1e-6, -0.1, -0.7, -11.0, -100.0),
    (-math.log(150_000),) * 6,
)
_LENGTHS = (6, 6, 6, 1)


def probe_rows(
    names: tuple[str, ...], dtype: torch.dtype = torch.float32
) -> tuple[Float[Tensor, "n t"], dict[str, Tensor]]:
    """Return log π_θ of four expert rows, sharp and flat ones, and the tensors of a weight.

    Args:
        names: The tensors that the weight needs. A name that ends in ``logprob`` gets
            log-probabilities that differ from log π_θ as much as possible, one that ends in
            ``entropy`` 0 to 11 nats, ``mask`` the tokens that count, any other 0 to 1.
        dtype: The dtype of all but the mask, which is bool.

    Returns:
        log π_θ, and the named tensors (always with the mask), all of shape [4, 6].
    """
    logprob = torch.tensor(_LOGPROBS, dtype=dtype)
    tensors = {name: _tensor(name, logprob) for name in names}
    tensors["mask"] = torch.arange(logprob.shape[1]) < torch.tensor(_LENGTHS).unsqueeze(-1)
    return logprob, tensors


def _tensor(name: str, logprob: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
    if name.endswith("logprob"):
        return logprob.flip(0)
    highest = 11.0 if name.endswith("entropy") else 1.0
    values = torch.linspace(0.0, highest, logprob.numel(), dtype=torch.float32)
    return values.view(logprob.shape).to(logprob.dtype)
