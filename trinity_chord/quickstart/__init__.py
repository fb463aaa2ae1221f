"""A task small enough to learn on two CPU cores: adding numbers of one to five digits.

Importing this package loads neither torch nor Trinity-RFT.
"""

from importlib.resources import files
from pathlib import Path


def base_model_path() -> Path:
    """Returns the folder of the shipped base model (Hugging Face layout).

    It is what ``python -m trinity_chord.quickstart.base --seed 0`` writes.
    """
    return Path(str(files(__name__) / "assets" / "base"))


__all__ = ["base_model_path"]
