"""Writes the key tables of docs/configuration.md from the typed settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import trinity_chord
from tools.regions import table, write_regions
from trinity_chord.plugin.algorithm import CHORDAlgorithm, WeightedSFTAlgorithm
from trinity_chord.plugin.config.objective_args import ObjectiveArgs
from trinity_chord.plugin.config.regularizers import EntropyArgs, KLArgs
from trinity_chord.plugin.config.sample_args import PairingArgs, QualityArgs, SampleArgs
from trinity_chord.plugin.config.schema import describe, schema_of
from trinity_chord.plugin.config.settings import Settings

PAGE = Path("docs") / "configuration.md"
KEY_COLUMNS = ("key", "value", "default", "meaning")


def write(root: Path) -> list[Path]:
    """Rewrite the generated regions of the page.

    Args:
        root: The folder that holds `docs`.

    Returns:
        The page.

    Raises:
        KeyError: A region has an unknown name.
    """
    return [write_regions(root / PAGE, REGIONS)]


def algorithm_types() -> str:
    """Return the table of the algorithm types and of what each of them sets."""
    rows = [
        (f"`trinity_chord.{each.__name__}`", _mu(each), *map(_code, _weights(each)))
        for each in _algorithms()
    ]
    return table(("name", "μ", "token weight", "row weight"), rows)


def objective_keys() -> str:
    """Return the tables of `algorithm.policy_loss_fn_args`, one for each group of keys."""
    groups = reversed(ObjectiveArgs.__bases__)  # the order of the keys
    return "\n".join(f"{group.__doc__}\n\n{_keys(group)}" for group in groups)


def _keys(model: type[Settings]) -> str:
    rows = [
        (
            f"`{key}`",
            describe(part).replace("'", "`"),
            _default(key, part.get("default")),
            part["description"],
        )
        for key, part in schema_of(model)["properties"].items()
    ]
    return table(KEY_COLUMNS, rows)


def _default(key: str, default: Any) -> str:
    """Return the default of a key, and the algorithm types that have another one."""
    others: dict[str, list[str]] = {}
    for each in _algorithms():
        value = getattr(each.objective_defaults, key, default)
        if value != default:
            others.setdefault(_code(value), []).append(each.__name__)
    texts = [f"{value} with {_listed(names)}" for value, names in others.items()]
    return "; ".join(text for text in (_code(default), *texts) if text)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name.removesuffix("Algorithm") for name in names)


def _algorithms() -> list[type[CHORDAlgorithm]]:
    """Return the algorithm types that a user names; the one with a reference model is derived."""
    found = [getattr(trinity_chord, name) for name in trinity_chord.__all__ if "Algorithm" in name]
    return [each for each in found if not each.use_reference]


def _mu(algorithm: type[CHORDAlgorithm]) -> str:
    if issubclass(algorithm, WeightedSFTAlgorithm):
        return "1: expert rows alone"
    args = algorithm.objective_defaults
    if args.mu_peak == args.mu_valley:
        return f"{args.mu_peak}"
    return f"{args.mu_peak} → {args.mu_valley} over {args.mu_decay_steps} steps"


def _weights(algorithm: type[CHORDAlgorithm]) -> tuple[str, str]:
    return algorithm.objective_defaults.token_weight, algorithm.objective_defaults.row_weight


def _code(value: Any) -> str:
    return "" if value is None or value == {} else f"`{value}`"


REGIONS: dict[str, Callable[[], str]] = {
    "algorithm_types": algorithm_types,
    "policy_loss_fn_args": objective_keys,
    "sample_strategy_args": lambda: _keys(SampleArgs),
    "expert_pairing": lambda: _keys(PairingArgs),
    "expert_quality": lambda: _keys(QualityArgs),
    "kl_loss_fn_args": lambda: _keys(KLArgs),
    "entropy_loss_fn_args": lambda: _keys(EntropyArgs),
}
