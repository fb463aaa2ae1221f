"""The generated files of configs/ that come from the presets, the quickstart and `init chord`."""

from __future__ import annotations

from pathlib import Path

from trinity_chord.presets import render
from trinity_chord.quickstart import yaml_path
from trinity_chord.recipes.clusters import CLUSTERS, DEFAULT_GPUS
from trinity_chord.recipes.write import render_chord

PRESETS = Path("configs/presets")
QUICKSTART = Path("configs/quickstart_cpu.yaml")
CHORD = Path("configs/mix_chord.yaml")


def write(root: Path) -> list[Path]:
    """Write configs/presets/*.yaml, configs/quickstart_cpu.yaml and configs/mix_chord.yaml.

    Args:
        root: The checkout, or another folder to compare with it.

    Returns:
        The paths of the files.
    """
    texts = {
        **render(PRESETS),
        QUICKSTART: yaml_path().read_text(encoding="utf-8"),
        CHORD: render_chord(CLUSTERS[DEFAULT_GPUS], CHORD),
    }
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return [root / path for path in texts]
