"""Checks that Trinity's trainer provides the tensors that a weight needs."""

from __future__ import annotations

from trinity_chord.errors import Problems
from trinity_chord.objective.tensors import TENSORS, own_loop_tensors


def check_needs(key: str, name: str, needs: set[str], problems: Problems) -> None:
    """Add a problem for each tensor that only a loop of your own can provide.

    Args:
        key: The key that names the weight.
        name: The weight's name.
        needs: The tensors that it needs besides log π_θ.
        problems: Where problems are added.
    """
    provided = sorted(tensor.name for tensor in TENSORS.values() if tensor.cost)
    for tensor in own_loop_tensors(needs):
        known = TENSORS.get(tensor)
        meaning = known.meaning if known else "a tensor of your own"
        problems.add(
            key,
            name,
            f"a weight that needs nothing or one of {', '.join(provided)}",
            f"it needs `{tensor}` ({meaning}), which Trinity's trainer does not provide: it works "
            "in your own loop only (`examples/own_loop_weights.py`)",
        )
