"""The files that the shipped configurations need: a tiny model and data."""

import json
from pathlib import Path

from tests.tiny_model import make_model_folder
from trinity_chord.quickstart.data import write_data

# A row has the columns of all domains, so that one file suits every configuration.
TASK = {
    "problem": "What is 1 + 1?",
    "answer": "2",
    "tools": "[]",
    "conversations": [{"from": "user", "value": "What is 1 + 1?"}],
    "raw_system": "You call tools.",
    "id": "multi_turn_base_0",
    "question": "What is 1 + 1?",
}


def make_quickstart_folder(folder: Path) -> dict[str, str]:
    """Write model and data into a folder.

    Returns:
        The environment variables that lead the configurations there.
    """
    make_model_folder(folder / "base", positions=2**15)
    write_data(folder / "data", seed=0, n_tasks=16, n_demonstrations=64)
    (folder / "rl").mkdir()
    rows = "".join(json.dumps(TASK) + "\n" for _ in range(96))
    (folder / "rl" / "train.jsonl").write_text(rows)
    return {
        "QUICKSTART_DIR": str(folder),
        "TRINITY_CHECKPOINT_ROOT_DIR": str(folder / "checkpoints"),
        "TRINITY_MODEL_PATH": str(folder / "base"),
        "TRINITY_TASKSET_PATH": str(folder / "rl"),
        "TRINITY_SFT_DATASET_PATH": str(folder / "data" / "expert"),
    }
