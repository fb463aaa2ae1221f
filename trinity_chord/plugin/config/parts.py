"""Checks that this package's loss, sample strategy and entropy loss are used together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trinity_chord.plugin import names

if TYPE_CHECKING:
    from trinity.common.config import Config

    from trinity_chord.errors import Problems

REASONS = {
    "policy_loss_fn": "only ours adds up the rows as the sample strategy has weighted them",
    "sample_strategy": "only ours stamps the coefficients that the loss adds up",
    "entropy_loss_fn": "any other is a mean over a micro-batch and changes with its size",
}
ALGORITHMS = "trinity_chord.CHORDAlgorithm (or CHORDMuAlgorithm, CHORDPhiAlgorithm)"


def check_parts(config: Config, problems: Problems) -> None:
    """Refuse, under an algorithm of this package, parts that are not its own or replaced by them.

    Args:
        config: Trinity's configuration.
        problems: Collects what is wrong.
    """
    for key, ours in names.PARTS.items():
        found = getattr(config.algorithm, key)
        if found not in names.REPLACED[key] and not names.is_ours(key, found):
            problems.add(f"algorithm.{key}", found, f"{ours!r} or nothing", REASONS[key])
    if config.algorithm.enable_router_replay:
        problems.add(
            "algorithm.enable_router_replay",
            True,
            "false",
            "expert rows have no expert routing recorded by the rollout engine",
        )


def check_no_parts(config: Config, problems: Problems) -> None:
    """Refuse this package's parts under an algorithm that is not its own.

    Args:
        config: Trinity's configuration.
        problems: Collects what is wrong.
    """
    for key in names.PARTS:
        found = getattr(config.algorithm, key)
        if names.is_ours(key, found):
            problems.add(
                "algorithm.algorithm_type",
                config.algorithm.algorithm_type,
                ALGORITHMS,
                f"`algorithm.{key}: {found}` needs rows that its own algorithm has weighted",
            )
