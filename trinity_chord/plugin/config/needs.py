"""Which tensors Trinity's trainer can bring to the policy loss, and at what cost."""

from __future__ import annotations

from trinity_chord.errors import Problems

COSTS = {
    "ref_logprob": "a reference model in memory and its forward pass each step",
    "old_logprob": "a forward pass each step (`algorithm.bypass_old_logprobs: false`)",
    "entropy": (
        "a forward pass each step with the entropy over the vocabulary "
        "(`algorithm.bypass_old_logprobs: false`)"
    ),
}
UNKNOWN_HERE = {
    "best_other_logprob": "the log-probability of the best other token",
    "top_entropy": "the entropy over the likeliest tokens",
    "behaviour_logprob": "the log-probabilities under the policy that wrote the expert data",
}


def check_needs(key: str, name: str, needs: set[str], problems: Problems) -> None:
    """Notes a weight that needs what Trinity's trainer does not bring.

    Args:
        key: The key that names the weight.
        name: Its name.
        needs: The tensors that it needs.
        problems: Collects what is wrong.
    """
    for tensor in sorted(needs - set(COSTS)):
        what = UNKNOWN_HERE.get(tensor, f"a tensor `{tensor}`")
        problems.add(
            key,
            name,
            f"a weight that needs {', '.join(sorted(COSTS))} or nothing",
            f"it needs {what}, which Trinity's trainer does not bring; in your own PyTorch loop "
            "`trinity_chord.objective` takes it",
        )
