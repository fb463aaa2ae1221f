"""Presets as YAML: as a description, and as files that run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trinity_chord.errors import ChordError
from trinity_chord.presets.configuration import apply
from trinity_chord.presets.table import PRESETS, Preset
from trinity_chord.quickstart import yaml_path


def describe(preset: Preset) -> dict[str, Any]:
    """Return a preset as plain values: name, level, formula, source, needs, YAML and stage."""
    return {
        "name": preset.name,
        "level": preset.level,
        "formula": preset.formula,
        "source": preset.source,
        "needs": preset.needs,
        "yaml": as_yaml({"algorithm": dict(preset.algorithm)}),
        "before": preset.before,
    }


def as_yaml(values: Mapping[str, Any]) -> str:
    """Return plain values as YAML; the order of the keys is kept."""
    import yaml

    return str(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True))


def write(folder: Path, base: Path | None = None) -> list[Path]:
    """Write a whole configuration for every preset.

    Args:
        folder: Where to write ``<preset>.yaml``; created if missing.
        base: A configuration of CHORD that runs; the quickstart's if None.

    Returns:
        The paths of the files.

    Raises:
        ChordError: ``base`` cannot be read; nothing is written.
    """
    texts = render(folder, base)
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return list(texts)


def render(folder: Path, base: Path | None = None) -> dict[Path, str]:
    """Return the text of each file that `write` would write, by its path."""
    values = _read(base or yaml_path())
    return {
        path: _header(preset, path, base) + as_yaml(apply(preset, values))
        for preset in PRESETS.values()
        for path in [folder / f"{preset.name}.yaml"]
    }


def _read(base: Path) -> dict[str, Any]:
    import yaml

    try:
        values = yaml.safe_load(base.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ChordError(f"{base}: the base configuration cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise ChordError(
            f"{base}: got {type(values).__name__}, expected a configuration (a YAML mapping)"
        )
    return values


def _header(preset: Preset, path: Path, base: Path | None) -> str:
    needs = f"what {base} needs" if base else "what `trinity-chord quickstart --prepare` writes"
    option = f" --base {base}" if base else ""
    lines = [
        f"{preset.name}: {preset.formula}",
        f"Source: {preset.source}",
        "",
        f"Needs:    {needs}",
        *([f"          and {preset.needs}"] if preset.needs != "nothing" else []),
        f"Run:      trinity-chord run {path}",
        f"Override: trinity-chord run {path} --set trainer.total_steps=20",
        f"Made by:  trinity-chord presets{option} --write {path.parent}",
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)
