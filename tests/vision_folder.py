"""The files that configurations with images need: a tiny vision model and data."""

import base64
import io
import json
from pathlib import Path

from PIL import Image

from tests.tiny_vision_model import UNIT, make_vision_model_folder

ROWS = 64


def make_vision_folder(folder: Path) -> dict[str, str]:
    """Write model and data into a folder.

    Returns:
        The environment variables that lead the configurations there.
    """
    make_vision_model_folder(folder / "base")
    for name in ("rl", "sft"):
        (folder / name).mkdir()
        lines = "".join(json.dumps(_row(number)) + "\n" for number in range(ROWS))
        (folder / name / "train.jsonl").write_text(lines)
    return {
        "TRINITY_CHECKPOINT_ROOT_DIR": str(folder / "checkpoints"),
        "TRINITY_MODEL_PATH": str(folder / "base"),
        "TRINITY_TASKSET_PATH": str(folder / "rl"),
        "TRINITY_SFT_DATASET_PATH": str(folder / "sft"),
    }


def _row(number: int) -> dict:
    """A row with the columns of all formats, so that one file suits every configuration."""
    problem, response = f"<image>Find x of {number}.", f"\\boxed{{{number}}}"
    file = io.BytesIO()
    Image.new("RGB", (UNIT, (1 + number % 3) * UNIT), (number, 0, 0)).save(file, "PNG")
    return {
        "problem": problem,
        "answer": str(number),
        "response": response,
        "messages": [
            {"role": "user", "content": problem},
            {"role": "assistant", "content": response},
        ],
        "images": ["data:image/png;base64," + base64.b64encode(file.getvalue()).decode()],
    }
