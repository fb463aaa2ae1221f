"""What the shipped configurations need: a tiny model and the quickstart's data."""

from pathlib import Path

from tests.tiny_model import make_model_folder
from trinity_chord.quickstart.data import write_data


def make_quickstart_folder(folder: Path) -> dict[str, str]:
    """Writes model and data into a folder.

    Returns:
        The environment variables by which the configurations find them.
    """
    make_model_folder(folder / "base")
    write_data(folder / "data", seed=0, n_tasks=16, n_demonstrations=64)
    return {
        "QUICKSTART_DIR": str(folder),
        "TRINITY_CHECKPOINT_ROOT_DIR": str(folder / "checkpoints"),
        "TRINITY_MODEL_PATH": str(folder / "base"),
        "TRINITY_TASKSET_PATH": str(folder / "data" / "tasks"),
        "TRINITY_SFT_DATASET_PATH": str(folder / "data" / "expert"),
    }
