"""Token weights: how much each expert token counts, as a function of its log-probability.

A weight is a pure function of ``log π_θ(token)`` and is always taken with a stop-gradient:
the loss of an expert token is ``-sg(w) · log π_θ``. Adding one is a decorated function.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class TokenWeight:
    """A named token weight.

    Attributes:
        name: The name that YAML gives.
        function: ``function(logprob, **arguments) -> weight``, elementwise, same shape.
        formula: The weight in terms of ``p = exp(logprob)``.
        source: The paper and its equation.
        arguments: Bound keyword arguments of ``function``.
    """

    name: str
    function: Callable[..., Tensor]
    formula: str
    source: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def __call__(self, logprob: Tensor) -> Tensor:
        """Returns the weight of each token, without a gradient.

        Args:
            logprob: log π_θ of the expert tokens, any shape, floating point, in [-inf, 0].

        Returns:
            The weights, of the shape and dtype of ``logprob``, detached.
        """
        with torch.no_grad():
            return self.function(logprob.detach(), **self.arguments)


TOKEN_WEIGHTS: dict[str, TokenWeight] = {}


def token_weight(
    name: str, *, formula: str, source: str
) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Registers a function of the log-probability as the token weight ``name``."""

    def register(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        TOKEN_WEIGHTS[name] = TokenWeight(name, function, formula, source)
        return function

    return register


def get_token_weight(name: str, **arguments: Any) -> TokenWeight:
    """Looks a token weight up by its name and binds its arguments.

    Raises:
        ValueError: The name is unknown (the known ones and the nearest are listed), or the
            weight does not take one of the arguments.
    """
    if name not in TOKEN_WEIGHTS:
        near = get_close_matches(str(name), TOKEN_WEIGHTS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown token weight {name!r}: known are {sorted(TOKEN_WEIGHTS)}{hint}")
    weight = TOKEN_WEIGHTS[name]
    known = list(inspect.signature(weight.function).parameters)[1:]
    foreign = sorted(set(arguments) - set(known))
    if foreign:
        raise ValueError(f"token weight {name!r} takes {known or 'no arguments'}, not {foreign}")
    return TokenWeight(name, weight.function, weight.formula, weight.source, dict(arguments))


@token_weight("sft", formula="1", source="CHORD (arXiv 2508.11408) eq. 1")
def _sft(logprob: Tensor) -> Tensor:
    return torch.ones_like(logprob)


@token_weight("is", formula="p", source="CHORD eq. 4; DFT (arXiv 2508.05629)")
def _importance(logprob: Tensor) -> Tensor:
    return logprob.exp()


@token_weight("phi", formula="p(1-p)", source="CHORD (arXiv 2508.11408) eq. 5")
def _phi(logprob: Tensor) -> Tensor:
    return logprob.exp() * -torch.expm1(logprob)
