"""Our loss, sample strategy and entropy loss stand together; Trinity's own cannot join them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trinity_chord.plugin import names

if TYPE_CHECKING:
    from trinity.common.config import Config

    from trinity_chord.errors import Problems

WHY = {
    "policy_loss_fn": "only ours adds up what the sample strategy has weighed",
    "sample_strategy": "only ours stamps the coefficients that the loss adds up",
    "entropy_loss_fn": "another one is a mean over a micro-batch and changes with the cut",
}
ALGORITHMS = "trinity_chord.CHORDAlgorithm (or CHORDMuAlgorithm, CHORDPhiAlgorithm)"


def check_parts(config: Config, problems: Problems) -> None:
    """Notes every part under our algorithm that is neither ours nor one that ours replaces."""
    for key, ours in names.PARTS.items():
        found = getattr(config.algorithm, key)
        if found not in names.REPLACED[key] and not names.is_ours(key, found):
            problems.add(f"algorithm.{key}", found, f"{ours[0]!r} or nothing", WHY[key])
    if config.algorithm.enable_router_replay:
        problems.add(
            "algorithm.enable_router_replay",
            True,
            "false",
            "expert rows have no routing of the rollout engine to replay",
        )


def check_no_parts(config: Config, problems: Problems) -> None:
    """Notes every part of ours under an algorithm that is not."""
    for key in names.PARTS:
        found = getattr(config.algorithm, key)
        if names.is_ours(key, found):
            problems.add(
                "algorithm.algorithm_type",
                config.algorithm.algorithm_type,
                ALGORITHMS,
                f"`algorithm.{key}: {found}` needs rows that its algorithm has weighed",
            )
