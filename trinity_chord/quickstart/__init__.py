"""A task small enough to learn on two CPU cores: adding numbers of one to five digits.

Importing this package imports neither torch nor Trinity-RFT.
"""

from importlib.resources import files
from pathlib import Path


def base_model_path() -> Path:
    """Return the folder of the shipped base model, in the layout of Hugging Face.

    It is the output of ``python -m trinity_chord.quickstart.base --seed 0``.
    """
    return Path(str(files(__name__) / "assets" / "base"))


def yaml_path() -> Path:
    """Return the shipped configuration of the quickstart."""
    return Path(str(files(__name__) / "quickstart_cpu.yaml"))


__all__ = ["base_model_path", "yaml_path"]
