"""The configuration of a run as flat text, without secrets, and how runs differ by it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Nothing under a key like these is written to a file or shown.
SECRET = re.compile(r"(api_?key|token|secret|password|passwd|credential|auth)$", re.IGNORECASE)
HIDDEN = "(hidden)"
# Where a run is stored and what it is called: different in any two runs.
PLACES = re.compile(
    r"^(name|group|project|checkpoint_root_dir|ray_namespace)$"
    r"|(^|\.)(checkpoint_job_dir|cache_dir|save_path|default_local_dir|experiment_name)$"
)
SEED = re.compile(r"(^|[._])seed$")

Settings = dict[str, Any]


def hide_secrets(value: Any, key: str = "") -> Any:
    """Return a configuration with the text under every key of a secret replaced."""
    if isinstance(value, Mapping):
        return {name: hide_secrets(each, str(name)) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [hide_secrets(each, key) for each in value]
    return HIDDEN if isinstance(value, str) and value and SECRET.search(key) else value


def flatten(config: Mapping[str, Any]) -> Settings:
    """Return a nested configuration by dotted keys, without secrets.

    Items of a list that are mappings have their number as a key; other lists stay values.

    Paths below the folder that holds the checkpoints are written relative to it, so that two runs
    in folders of their own have the same settings.
    """
    flat: Settings = {}
    _flatten(hide_secrets(config), "", flat)
    root = flat.get("checkpoint_root_dir")
    if isinstance(root, str) and root.startswith("/"):
        above = root.rstrip("/").rpartition("/")[0]
        if above:
            flat = {key: _relative(value, above) for key, value in flat.items()}
    return flat


def differences(runs: Sequence[Settings]) -> dict[str, list[Any]]:
    """Return the settings in which runs differ, apart from their names and folders.

    Args:
        runs: The settings of each run.

    Returns:
        For each key, its value in every run; None for a run that lacks it.
    """
    keys = sorted({key for run in runs for key in run if not PLACES.search(key)})
    values = {key: [run.get(key) for run in runs] for key in keys}
    return {key: row for key, row in values.items() if any(each != row[0] for each in row)}


def groups(runs: Sequence[Settings | None]) -> list[int]:
    """Return the number of each run's group; runs of a group differ at most by seeds.

    Args:
        runs: The settings of each run. A run without settings is a group of its own.
    """
    found: list[Settings] = []
    numbers = []
    for run in runs:
        kept = None if run is None else _without_seeds(run)
        if kept is None or kept not in found:
            found.append(kept if kept is not None else {"no settings": len(found)})
            numbers.append(len(found) - 1)
        else:
            numbers.append(found.index(kept))
    return numbers


def is_seed(key: str) -> bool:
    """Return whether a setting is a seed."""
    return bool(SEED.search(key))


def _without_seeds(run: Settings) -> Settings:
    return {k: v for k, v in run.items() if not is_seed(k) and not PLACES.search(k)}


def _flatten(value: Any, prefix: str, flat: Settings) -> None:
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        value = dict(enumerate(value))
    if isinstance(value, Mapping) and value:
        for name, each in value.items():
            _flatten(each, f"{prefix}.{name}" if prefix else str(name), flat)
    else:
        flat[prefix] = value


def _relative(value: Any, above: str) -> Any:
    if isinstance(value, str):
        return value.replace(above + "/", "")
    return [_relative(each, above) for each in value] if isinstance(value, list) else value
