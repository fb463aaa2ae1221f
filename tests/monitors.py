"""The monitors of Trinity without a network: how each is set up, and what it wrote."""

import json
import os
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trinity_chord.report.reading.wandb_offline import read_wandb

# Where `make setup` installs mlflow and swanlab.
FOLDER = Path(sys.prefix) / "monitors"
INSTALLED = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"needs {FOLDER}: run `make setup`")
MONITORS = (
    "tensorboard",
    "wandb",
    pytest.param("mlflow", marks=INSTALLED),
    pytest.param("swanlab", marks=INSTALLED),
)


def settings_of(kind: str, folder: Path) -> tuple[str, dict[str, str]]:
    """Return `monitor.monitor_args` as JSON and the environment that keep a monitor in a folder."""
    arguments = {
        "mlflow": {"uri": f"file://{folder}/mlruns"},
        "swanlab": {"mode": "offline", "logdir": f"{folder}/swanlog"},
    }
    environment = {
        "PYTHONPATH": os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(FOLDER)]).strip(":"),
        "WANDB_MODE": "offline",
        "WANDB_DIR": str(folder),
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "SWANLAB_API_KEY": "offline",
    }
    return json.dumps(arguments.get(kind)), environment


def logged_names(kind: str, folder: Path, names: tuple[str, ...]) -> set[str]:
    """Return which metrics of the trainer a monitor wrote, by their own names."""
    return {name for name in names if _READERS[kind](folder, name)}


def _tensorboard(folder: Path, name: str) -> bool:
    (events,) = folder.rglob("tensorboard/trainer")
    accumulator = EventAccumulator(str(events))
    accumulator.Reload()
    return name in accumulator.Tags()["scalars"]


def _wandb(folder: Path, name: str) -> bool:
    return name in read_wandb(folder.rglob("*.wandb")).metrics


def _mlflow(folder: Path, name: str) -> bool:
    return any(folder.glob(f"mlruns/*/*/metrics/{name.replace('@', '_at_')}"))


def _swanlab(folder: Path, name: str) -> bool:
    return any(name.encode() in each.read_bytes() for each in folder.rglob("*.swanlab"))


_READERS = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "mlflow": _mlflow,
    "swanlab": _swanlab,
}
