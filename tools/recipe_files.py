"""Writes configs/math and configs/tool."""

from __future__ import annotations

from pathlib import Path

from trinity_chord.recipes.write import write as write_recipes

FOLDER = Path("configs")


def write(root: Path) -> list[Path]:
    """Write the recipes for 8 GPUs.

    Args:
        root: The root of the repository, or a folder to write a copy to.

    Returns:
        The paths of the files.
    """
    return write_recipes(root / FOLDER, shown_as=FOLDER)
