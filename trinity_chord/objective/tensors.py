"""The tensors that a weight may need besides log π_θ: their meaning, and who provides them.

A weight names a tensor as a positional parameter of its function. Trinity's trainer provides the
tensors whose ``cost`` is set; a weight that needs any other one works in your own loop only
(`examples/own_loop_weights.py` computes them).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class NamedTensor:
    """A tensor that a weight may need. Floating point unless noted, of the shape of log π_θ.

    Attributes:
        name: The name of the parameter.
        meaning: What the tensor holds, as a noun phrase.
        cost: What it costs to have Trinity's trainer provide it, "" for nothing; None if Trinity's
            trainer does not provide it.
    """

    name: str
    meaning: str
    cost: str | None

    @property
    def own_loop_only(self) -> bool:
        """Whether only a loop of your own can provide it."""
        return self.cost is None


_TENSORS = (
    NamedTensor("mask", "whether a token counts (bool, or 0 and 1)", ""),
    NamedTensor(
        "old_logprob",
        "the log-probability under π_old, the policy before the step",
        "a forward pass each step (`algorithm.bypass_old_logprobs: false`)",
    ),
    NamedTensor(
        "ref_logprob",
        "the log-probability under π_ref, the reference model",
        "a reference model in memory and its forward pass each step",
    ),
    NamedTensor(
        "entropy",
        "the entropy of π_θ over the vocabulary, in nats",
        "a forward pass each step with the entropy over the vocabulary "
        "(`algorithm.bypass_old_logprobs: false`)",
    ),
    NamedTensor(
        "behaviour_logprob",
        "the log-probability under π_β, the policy that wrote the expert data",
        None,
    ),
    NamedTensor("best_other_logprob", "the log-probability of the most likely other token", None),
    NamedTensor(
        "top_entropy",
        "the entropy of π_θ over its k most likely tokens, their probabilities scaled to add up to "
        "1, in nats",
        None,
    ),
)
TENSORS = {tensor.name: tensor for tensor in _TENSORS}


def own_loop_tensors(names: Iterable[str]) -> list[str]:
    """Return those of the named tensors that Trinity's trainer does not provide, sorted."""
    return sorted(name for name in names if name not in TENSORS or TENSORS[name].own_loop_only)
