"""The generated files of configs/ that come from the presets and the quickstart."""

from __future__ import annotations

from pathlib import Path

from trinity_chord.presets import render
from trinity_chord.quickstart import yaml_path

PRESETS = Path("configs/presets")
QUICKSTART = Path("configs/quickstart_cpu.yaml")


def write(root: Path) -> list[Path]:
    """Write configs/presets/*.yaml and configs/quickstart_cpu.yaml.

    Args:
        root: The checkout, or another folder to compare with it.

    Returns:
        The paths of the files.
    """
    texts = {**render(PRESETS), QUICKSTART: yaml_path().read_text(encoding="utf-8")}
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return [root / path for path in texts]
