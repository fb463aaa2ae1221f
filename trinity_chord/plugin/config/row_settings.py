"""Reads which expert rows a batch gets: pairing with its prompts, the gate, and quality."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from trinity_chord.errors import Problems
from trinity_chord.expert_data import ExpertDataError, Quality
from trinity_chord.objective import GATES
from trinity_chord.plugin.config.checks import as_mapping, check_known
from trinity_chord.plugin.contract import Pairing, RowSettings

UNPAIRED = ("error", "random", "skip")
PAIRING_KEYS = ("expert_key", "task_key")
PAIRING_WANTED = (
    "`task_index` (row i of an expert set belongs to task i) or "
    "{expert_key: COLUMN, task_key: COLUMN}"
)
KNOWN_KEYS = ("expert_pairing", "unpaired", "gate", "gate_args", "expert_quality")


def read_rows(args: Mapping[str, Any], prefix: str, problems: Problems) -> RowSettings:
    """Reads and checks `expert_pairing`, `unpaired`, `gate` and `gate_args`.

    Args:
        args: What YAML gives in `algorithm.sample_strategy_args`.
        prefix: The name of that section.
        problems: Collects what is wrong.

    Returns:
        The settings; to be used only if ``problems`` stays empty.
    """
    pairing = _pairing(args.get("expert_pairing"), f"{prefix}.expert_pairing", problems)
    unpaired = args.get("unpaired")
    if unpaired is not None and unpaired not in UNPAIRED:
        problems.add(f"{prefix}.unpaired", unpaired, f"one of {list(UNPAIRED)}")
    gate = args.get("gate") or "all"
    gate_args = as_mapping(f"{prefix}.gate_args", args.get("gate_args"), problems)
    try:
        bound = GATES.bind(gate, **gate_args)
        gate_args = {**bound.defaults, **bound.arguments}
    except ValueError as error:
        problems.add_text(f"`{prefix}.gate`: {error}")
    if args.get("expert_pairing") is None:
        _check_without_pairing(gate, unpaired, prefix, problems)
    return RowSettings(pairing, unpaired or UNPAIRED[0], gate, gate_args)


def read_quality(
    args: Mapping[str, Any], sets: Collection[str], prefix: str, problems: Problems
) -> dict[str, dict[str, Any]]:
    """Reads and checks `expert_quality`.

    Args:
        args: What YAML gives in `algorithm.sample_strategy_args`.
        sets: The names of the expert sets.
        prefix: The name of that section.
        problems: Collects what is wrong.

    Returns:
        The arguments of `Quality` for each set that has them.
    """
    prefix = f"{prefix}.expert_quality"
    found = as_mapping(prefix, args.get("expert_quality"), problems)
    check_known(prefix, found, sets, problems)
    for name, value in found.items():
        try:
            Quality(**value)
        except ExpertDataError as error:
            problems.add_text(f"`{prefix}.{name}`: {error}")
        except TypeError:
            problems.add(f"{prefix}.{name}", value, "{key: COLUMN, percentiles: [90, 95, 98]}")
    return found


def _pairing(value: Any, key: str, problems: Problems) -> Pairing | None:
    if value is None:
        return None
    if value == "task_index":
        return Pairing()
    if not isinstance(value, Mapping):
        problems.add(key, value, PAIRING_WANTED)
        return None
    check_known(key, value, PAIRING_KEYS, problems)
    columns = {name: value.get(name) for name in PAIRING_KEYS}
    for name, column in columns.items():
        if not isinstance(column, str) or not column:
            problems.add(f"{key}.{name}", column, "the name of a column")
    return Pairing(**columns)


def _check_without_pairing(gate: Any, unpaired: Any, prefix: str, problems: Problems) -> None:
    if gate != "all" and unpaired != "random":
        problems.add(
            f"{prefix}.expert_pairing",
            None,
            f"{PAIRING_WANTED}, because the gate {gate!r} gives expert rows to single prompts",
            f"or set `{prefix}.unpaired: random`: they then get any expert rows",
        )
    elif gate == "all" and unpaired is not None:
        problems.add(f"{prefix}.unpaired", unpaired, "nothing without `expert_pairing` or `gate`")
