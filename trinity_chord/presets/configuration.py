"""Put a preset into a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from trinity_chord.presets.table import PRESETS, Preset

# What the new `algorithm` section keeps of the old one.
KEPT = ("repeat_times", "optimizer", "entropy_loss_fn", "entropy_loss_fn_args", "advantage_fn")
# What the new `sample_strategy_args` keep of the old ones: which expert sets there are (unless the
# preset names one), how they are read, and (unless the preset decides) how many rows a batch has.
KEPT_SETS = ("sft_dataset_name", "expert_sets")
KEPT_READING = ("expert_seed", "expert_at_end", "expert_overlong", "expert_thoughts")
KEPT_AMOUNTS = ("expert_rows", "expert_data_ratio")


def apply(preset: Preset, base: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the algorithm of a configuration by a preset.

    Args:
        preset: The preset.
        base: A configuration of CHORD as plain values; not changed.

    Returns:
        A new configuration. It keeps the optimizer, the number of rollouts per prompt, the data
        and, unless the preset sets it, the number of expert rows. A preset with a stage before it
        becomes a configuration with `stages`.
    """
    config = {**_single(preset, base), "name": preset.name}
    if preset.before is not None:
        presets = (PRESETS[preset.before], preset)
        config["stages"] = [_stage(each, base, len(presets)) for each in presets]
    return config


def _single(preset: Preset, base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the base with the preset's algorithm, as a run without stages."""
    config = deepcopy(dict(base))
    old = config.get("algorithm") or {}
    old_args = old.get("sample_strategy_args") or {}
    section = {key: old[key] for key in KEPT if key in old} | deepcopy(dict(preset.algorithm))
    own_args = section.get("sample_strategy_args") or {}
    args = {key: old_args[key] for key in _kept_args(preset, own_args) if key in old_args}
    if args | own_args:
        section["sample_strategy_args"] = args | own_args
    config["algorithm"] = section
    if preset.alone:
        buffer = config.get("buffer") or {}
        rows = old_args.get("expert_rows") or buffer.get("batch_size", 32)
        config["mode"] = "train"
        config["buffer"] = {**buffer, "train_batch_size": rows}
    return config


def _kept_args(preset: Preset, own_args: Mapping[str, Any]) -> tuple[str, ...]:
    sets = () if "sft_dataset_name" in own_args else KEPT_SETS
    decides = preset.alone or any(key in own_args for key in KEPT_AMOUNTS)
    return (*sets, *KEPT_READING, *(() if decides else KEPT_AMOUNTS))


def _stage(preset: Preset, base: Mapping[str, Any], stages: int) -> dict[str, Any]:
    """Return one of Trinity's stages, which gets an equal part of the base's steps."""
    config = _single(preset, base)
    sections = {name: dict(config.get(name) or {}) for name in ("buffer", "trainer")}
    for section in sections.values():
        if section.get("total_steps"):
            section["total_steps"] = max(1, section["total_steps"] // stages)
    return {
        "stage_name": preset.name,
        "mode": config["mode"],
        "algorithm": config["algorithm"],
        **sections,
    }
