"""Weights of expert tokens and rows: pure functions of log π_θ and other named tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from trinity_chord.objective.probe import probe_rows
from trinity_chord.objective.rules import Parameter, Rule
from trinity_chord.objective.tensors import own_loop_tensors


@dataclass(frozen=True)
class Weight(Rule):
    """A weight of expert tokens or rows, a formula in terms of ``p = π_θ(token)``.

    The first parameter of its function is log π_θ of the expert tokens. Further positional
    parameters are the other tensors that it needs, by the names in `tensors.TENSORS`.
    """

    per_row: ClassVar[bool] = False  # Whether it returns one number per row, not per token.

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of the tensors that it needs besides log π_θ."""
        positional = [
            each.name for each in self._parameters() if each.kind is Parameter.POSITIONAL_OR_KEYWORD
        ]
        return tuple(positional[1:])

    @property
    def own_loop_only(self) -> bool:
        """Whether it needs a tensor that Trinity's trainer does not provide."""
        return bool(own_loop_tensors(self.needs))

    def __call__(
        self, logprob: Float[Tensor, "*n"], **tensors: Tensor | None
    ) -> Float[Tensor, "*m"]:
        """Compute the weights, without a gradient.

        Args:
            logprob: log π_θ of the expert tokens, in [-inf, 0], shape [N, T], or [T] for a single
                row; any shape for a weight that needs nothing else. A value above 0, which
                rounding can cause, is taken for 0.
            **tensors: At least those in ``needs``, same shape; others are ignored.

        Returns:
            The weights, detached: of the shape of ``logprob`` for a token weight, without the
            last dimension for a row weight.

        Raises:
            ValueError: A tensor that it needs is missing, or the function returned something
                other than floating-point numbers of the right shape.
        """
        missing = [name for name in self.needs if tensors.get(name) is None]
        if missing:
            raise ValueError(
                f"{self.kind} {self.name!r}: got no {', '.join(missing)}, expected a tensor of "
                "the shape of the log-probabilities"
            )
        weights = self._evaluate(logprob, tensors)
        problem = self._form_problem(weights, logprob)
        if problem:
            raise ValueError(f"{self.kind} {self.name!r}: {problem}")
        checked: Tensor = weights
        return checked

    def problems(self) -> list[str]:
        """Try the weight on sharp and flat log-probabilities, from 0 to -100.

        It is called as in a run: on a batch of rows, shape [N, T], and on single rows, shape [T],
        with every tensor that it needs. Tokens outside the mask may have any weight.

        Returns:
            What is wrong, as one text; an empty list if every weight is a finite number of at
            least 0, of the right shape and of the dtype of the log-probabilities.
        """
        logprob, tensors = probe_rows(self.needs)
        rows = [(logprob[i], {k: v[i] for k, v in tensors.items()}) for i in range(len(logprob))]
        for one, its_tensors in [(logprob, tensors), *rows]:
            problem = self._problem_on(one, its_tensors)
            if problem:
                return [f"{self.kind} {self.name!r}: {problem}"]
        return []

    def _problem_on(self, logprob: Tensor, tensors: Mapping[str, Tensor]) -> str | None:
        try:
            weights = self._evaluate(logprob, tensors)
        except Exception as error:  # Your own function may raise anything.
            shape = list(logprob.shape)
            return f"got {type(error).__name__} on shape {shape}, expected weights: {error}"
        problem = self._form_problem(weights, logprob)
        if problem:
            return problem
        if weights.dtype != logprob.dtype:
            return f"got dtype {weights.dtype}, expected that of log π_θ, {logprob.dtype}"
        return self._value_problem(weights, logprob, tensors["mask"])

    def _evaluate(self, logprob: Tensor, tensors: Mapping[str, Tensor | None]) -> Any:
        with torch.no_grad():
            others = [tensors[name].detach() for name in self.needs]  # type: ignore[union-attr]
            return self.function(logprob.detach().clamp(max=0.0), *others, **self.arguments)

    def _shape(self, logprob: Tensor) -> torch.Size:
        return logprob.shape[:-1] if self.per_row else logprob.shape

    def _form_problem(self, weights: Any, logprob: Tensor) -> str | None:
        if not isinstance(weights, Tensor):
            return f"got {weights!r} ({type(weights).__name__}), expected a tensor of weights"
        if weights.shape != self._shape(logprob):
            return (
                f"got weights of shape {list(weights.shape)}, expected "
                f"{list(self._shape(logprob))} for log π_θ of shape {list(logprob.shape)}"
            )
        if not weights.is_floating_point():
            return f"got weights of dtype {weights.dtype}, expected floating-point numbers"
        return None

    def _value_problem(self, weights: Tensor, logprob: Tensor, mask: Tensor) -> str | None:
        counted = mask.any(-1) if self.per_row else mask
        wrong = counted & ~(torch.isfinite(weights) & (weights >= 0))
        if not bool(wrong.any()):
            return None
        seen = ", ".join(f"{value:g}" for value in logprob[wrong][0].reshape(-1).tolist())
        return (
            f"got {weights[wrong][0].item():g} at log π_θ = {seen}, expected a finite number of "
            "at least 0"
        )


@dataclass(frozen=True)
class TokenWeight(Weight):
    """A weight of expert tokens: one number per token."""

    kind = "token weight"


@dataclass(frozen=True)
class RowWeight(Weight):
    """A weight of expert rows: one number per row, multiplied with the weights of its tokens."""

    kind = "row weight"
    per_row = True
