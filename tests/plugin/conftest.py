"""Real Trinity configurations over a tiny model and small expert files."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml
from trinity.common.config import Config, load_config

from tests.tiny_model import make_model_folder
from trinity_chord.cpu import activate

activate()

AUXILIARY = "buffer.trainer_input.auxiliary_buffers"
EXPERT_ROWS = 8


def chat(number: int) -> dict[str, Any]:
    """Return a row; with one digit it has 21 tokens under the tiny model's template."""
    return {
        "messages": [
            {"role": "user", "content": f"{number}+1"},
            {"role": "assistant", "content": str(number + 1)},
        ]
    }


def write_rows(path: Path, rows: list[Any]) -> Path:
    """Write rows, and lines as they are, as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(line + "\n" for line in lines))
    return path


def set_dotted(tree: dict[str, Any], dotted: str, value: Any) -> None:
    """Set a dotted key of nested dicts."""
    *parents, leaf = dotted.split(".")
    for name in parents:
        tree = tree.setdefault(name, {})
    tree[leaf] = value


@pytest.fixture(scope="session", autouse=True)
def _datasets_offline(tmp_path_factory):
    """Keep ``datasets`` out of the user's folders, and its progress bars quiet."""
    with pytest.MonkeyPatch.context() as patch:
        folder = str(tmp_path_factory.mktemp("datasets"))
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", folder)
        datasets.disable_progress_bars()
        yield
        datasets.enable_progress_bars()


@pytest.fixture(scope="session")
def model_path(tmp_path_factory) -> str:
    return str(make_model_folder(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="session")
def expert_path(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("expert")
    write_rows(folder / "train.jsonl", [chat(i) for i in range(EXPERT_ROWS)])
    return str(folder)


@pytest.fixture
def root(tmp_path) -> Path:
    """`checkpoint_root_dir` of the configurations."""
    return tmp_path / "checkpoints"


@pytest.fixture
def yaml_tree(model_path, expert_path, root) -> dict[str, Any]:
    """A run of 2 prompts × 4 rollouts, 8 expert rows, one rollout engine and one trainer rank."""
    return {
        "project": "project",
        "name": "run",
        "checkpoint_root_dir": str(root),
        "mode": "both",
        "algorithm": {
            "algorithm_type": "trinity_chord.CHORDAlgorithm",
            "repeat_times": 4,
            "sample_strategy_args": {"expert_data_ratio": 0.5},
        },
        "model": {"model_path": model_path, "max_prompt_tokens": 32, "max_response_tokens": 32},
        "cluster": {"node_num": 1, "gpu_per_node": 2},
        "buffer": {
            "batch_size": 2,
            "total_steps": 3,
            "explorer_input": {
                "taskset": {"name": "tasks", "storage_type": "file", "path": expert_path}
            },
            "trainer_input": {
                "experience_buffer": {"name": "rollouts", "storage_type": "queue"},
                "auxiliary_buffers": {
                    "sft_dataset": {
                        "name": "experts",
                        "storage_type": "file",
                        "path": expert_path,
                        "format": {"prompt_type": "messages", "messages_key": "messages"},
                    }
                },
            },
        },
        "explorer": {"rollout_model": {"engine_type": "transformers", "engine_num": 1}},
    }


@pytest.fixture
def load(yaml_tree, tmp_path) -> Callable[..., Config]:
    """Load the run with changes (``{"dotted.key": value}``) from YAML text, unchecked."""

    def load_yaml(changes: dict[str, Any] | None = None) -> Config:
        tree = deepcopy(yaml_tree)
        for dotted, value in (changes or {}).items():
            set_dotted(tree, dotted, deepcopy(value))
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(tree))
        return load_config(str(path))

    return load_yaml


@pytest.fixture
def checked(load) -> Callable[..., Config]:
    """Load the run with changes and run all of Trinity's validators on it."""
    return lambda changes=None: load(changes).check_and_update()


@pytest.fixture
def reported(monkeypatch) -> list[str]:
    """What the user sees about the derived numbers, one message each."""
    messages: list[str] = []
    logger = logging.Logger("reported")
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    monkeypatch.setattr("trinity_chord.plugin.config.summary.get_logger", lambda name: logger)
    return messages
