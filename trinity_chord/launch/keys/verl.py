"""`trainer.trainer_config`: the settings that Trinity passes on to verl's dataclasses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trinity_chord.launch.keys.findings import Findings, Path
from trinity_chord.launch.keys.walk import Entry, walk

TRAINER_CONFIG: Path = ("trainer", "trainer_config")
OLDER = "actor_rollout_ref"
SECTIONS = ("model", "actor", "ref", "rollout", "critic")
# Keys that Trinity passes on under another name or reads itself.
BESIDES: Mapping[str, tuple[str, ...]] = {
    "ref": (
        "log_prob_micro_batch_size_per_gpu",
        "log_prob_micro_batch_size",
        "log_prob_use_dynamic_bsz",
        "log_prob_max_token_len_per_gpu",
    ),
    "critic": ("enable",),
}
NO_EFFECT = "it has no effect: Trinity sets it from its own keys"
NOT_READ = "it has no effect: Trinity passes on only " + ", ".join(SECTIONS)


def walk_verl(value: Any, strategy: str, findings: Findings, at: Path) -> Iterator[Entry]:
    """Yield the keys of verl's settings, of either of its two layouts.

    Args:
        value: What YAML holds under `trainer_config`.
        strategy: `trainer.trainer_strategy`.
        findings: Where keys that do not exist and values that do not fit are added.
        at: The path of `trainer_config`.
    """
    if not value:
        return
    if not isinstance(value, Mapping):
        findings.add(at, value, "a mapping with the keys " + ", ".join(SECTIONS))
        return
    kinds = section_types(strategy)
    for key, section in value.items():
        path = (*at, key)
        if key == OLDER and isinstance(section, Mapping):
            for name, inner in section.items():
                yield from _walk_section((*path, name), inner, kinds, findings)
        else:
            yield from _walk_section(path, section, kinds, findings)


def _walk_section(
    path: Path, section: Any, kinds: Mapping[str, type], findings: Findings
) -> Iterator[Entry]:
    name = str(path[-1])
    if name not in SECTIONS:
        if name in _ignored():
            findings.warn(path, section, NOT_READ)
        else:
            findings.add_unknown(path, section, (*SECTIONS, OLDER))
        return
    if section is None:
        return
    if isinstance(section, Mapping):
        section = _without_no_effect(path, section, findings)
        section = {key: part for key, part in section.items() if key not in BESIDES.get(name, ())}
    # A wrong key here does not keep Trinity from loading the configuration.
    apart = Findings()
    if isinstance(section, Mapping) and name in ("actor", "critic"):
        section = dict(section)
        optimizer = section.pop("optim", None) or {}
        yield from walk(optimizer, kinds["optim"], apart, (*path, "optim"))
    yield from walk(section, kinds[name], apart, path)
    for wrong, text in apart.problems.items():
        findings.problems.setdefault(wrong, text)


def _without_no_effect(
    path: Path, section: Mapping[str, Any], findings: Findings
) -> dict[str, Any]:
    """Leave out, with a warning, what Trinity overwrites or strips."""
    from trinity.trainer.verl.config import FROZEN_KEYS

    kept = {}
    for key, value in section.items():
        if f"{path[-1]}.{key}" in FROZEN_KEYS:
            findings.warn((*path, key), value, NO_EFFECT)
        elif key != "_target_":
            kept[key] = value
    return kept


def section_types(strategy: str) -> dict[str, type]:
    """Return verl's dataclass of each section, and of the optimizer in some of them."""
    from verl.workers import config as verl

    megatron = strategy == "megatron"
    actor = verl.McoreActorConfig if megatron else verl.FSDPActorConfig
    critic = verl.McoreCriticConfig if megatron else verl.FSDPCriticConfig
    return {
        "model": verl.HFModelConfig,
        "actor": actor,
        "ref": actor,
        "rollout": verl.RolloutConfig,
        "critic": critic,
        "optim": verl.McoreOptimizerConfig if megatron else verl.FSDPOptimizerConfig,
    }


def _ignored() -> tuple[str, ...]:
    """Return the sections of a configuration of verl that Trinity does not read."""
    return (
        *("algorithm", "custom_reward_function", "data", "enable_preview", "global_profiler"),
        *("ray_init", "ray_kwargs", "reward", "reward_model", "synchronizer", "trainer"),
        "transfer_queue",
    )
