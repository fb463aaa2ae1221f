"""The short names that Trinity knows if it is started with `--plugin-dir`."""

from __future__ import annotations

from importlib import import_module

from trinity.algorithm import ALGORITHM_TYPE, ENTROPY_LOSS_FN, POLICY_LOSS_FN, SAMPLE_STRATEGY
from trinity.utils.registry import Registry

from trinity_chord.plugin import names

PART_REGISTRIES = {
    "policy_loss_fn": POLICY_LOSS_FN,
    "sample_strategy": SAMPLE_STRATEGY,
    "entropy_loss_fn": ENTROPY_LOSS_FN,
}


def register() -> None:
    """Add the short names to Trinity's registries; names that exist already are kept."""
    _add(ALGORITHM_TYPE, names.SHORT_ALGORITHMS)
    for key, registry in PART_REGISTRIES.items():
        _add(registry, names.SHORT_PARTS[key])


def _add(registry: Registry, dotted_paths: dict[str, str]) -> None:
    for name, dotted in dotted_paths.items():
        if name not in registry.modules:
            package, _, class_name = dotted.rpartition(".")
            registry.register_module(name, getattr(import_module(package), class_name))
