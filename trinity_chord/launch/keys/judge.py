"""Judges every key of a configuration."""

from __future__ import annotations

import math
from typing import Any

from trinity.common.config import Config

from trinity_chord.launch.keys.arguments import check_arguments
from trinity_chord.launch.keys.findings import Findings, Path
from trinity_chord.launch.keys.names import check_name
from trinity_chord.launch.keys.ranges import LARGEST, RANGES, UNUSUAL
from trinity_chord.launch.keys.relations import check_relations
from trinity_chord.launch.keys.verl import walk_verl
from trinity_chord.launch.keys.verl_ranges import VERL_RANGES
from trinity_chord.launch.keys.walk import Entry, walk
from trinity_chord.objective.ranges import Domain


def judge(config: Any) -> Findings:
    """Return what is wrong with the keys of a configuration.

    Values are judged together only in a configuration that could be loaded.

    Args:
        config: A configuration, or what YAML holds in its place.
    """
    findings = Findings()
    entries = list(walk(config, Config, findings))
    at = {entry.path: entry for entry in entries}
    for entry in list(entries):
        if entry.owner.__name__ == "TrainerConfig" and entry.key == "trainer_config":
            entries += walk_verl(entry.value, _strategy(at, entry.path), findings, entry.path)
    for entry in entries:
        _check_range(entry, findings)
        check_name(entry, findings)
    check_arguments(at, findings)
    if isinstance(config, Config):
        check_relations(config, findings)
    return findings


def domain_of(owner: type, key: str) -> Domain | None:
    """Return what a key may hold, None if any value of its type."""
    if owner.__module__.startswith("verl."):
        return VERL_RANGES.get(key)
    for kind in owner.__mro__:
        domain = RANGES.get(kind.__name__, {}).get(key)
        if domain is not None:
            return domain
    return None


def _check_range(entry: Entry, findings: Findings) -> None:
    domain, value = domain_of(entry.owner, entry.key), entry.value
    if isinstance(value, int) and abs(value) > LARGEST:
        findings.add(entry.path, value, f"at most {LARGEST}")
    elif domain is not None and domain.problem("", value):
        findings.add(entry.path, value, str(domain))
    elif isinstance(value, float) and not math.isfinite(value):
        findings.add(entry.path, value, "a finite number")
    usual = UNUSUAL.get(entry.owner.__name__, {}).get(entry.key)
    wrong = entry.path in findings.problems
    if usual is not None and not wrong and isinstance(value, (int, float)) and value > usual:
        findings.warn(entry.path, value, f"it runs, but more than {usual:g} is unusual")


def _strategy(at: dict[Path, Entry], path: Path) -> str:
    strategy = at.get((*path[:-1], "trainer_strategy"))
    return str(strategy.value) if strategy is not None else "fsdp2"
