"""Write the quickstart's tasks, demonstrations and held-out problems in Trinity's format."""

import json
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trinity_chord.quickstart.task import held_out, training_problems, worked_answer

TASKS = 1024
DEMONSTRATIONS = 256


@dataclass(frozen=True)
class DataPaths:
    """The folders of the datasets, each with one JSONL file.

    Attributes:
        tasks: ``train.jsonl`` with ``question``, ``answer``, ``level``.
        expert: ``train.jsonl`` with ``messages``: the question and the worked answer.
        paired: ``train.jsonl`` with ``messages``: one worked answer per task, in the same order.
        held_out: ``test.jsonl`` with ``question``, ``answer``, ``level``.
    """

    tasks: Path
    expert: Path
    paired: Path
    held_out: Path


def write_data(
    out_dir: str | Path,
    seed: int,
    n_tasks: int = TASKS,
    n_demonstrations: int = DEMONSTRATIONS,
) -> DataPaths:
    """Write the datasets; those of an earlier call are overwritten.

    The seed determines the tasks and the demonstrations; the held-out problems are always the 500
    of ``task.held_out()``. ``task.training_problems`` keeps the training data apart from them.

    Args:
        out_dir: Where to write the four folders; created if missing.
        seed: Seed of the tasks and demonstrations.
        n_tasks: Number of tasks; the default is enough for 128 steps of 8 prompts.
        n_demonstrations: Number of worked answers.

    Returns:
        The four folders.
    """
    paths = DataPaths(*(Path(out_dir) / name for name in ("tasks", "expert", "paired", "held_out")))
    tasks = training_problems(random.Random(f"tasks {seed}"), n_tasks)
    shown = training_problems(random.Random(f"expert {seed}"), n_demonstrations)
    _write_jsonl(paths.tasks / "train.jsonl", map(asdict, tasks))
    _write_jsonl(paths.expert / "train.jsonl", (_demonstration(p.question) for p in shown))
    _write_jsonl(paths.paired / "train.jsonl", (_demonstration(p.question) for p in tasks))
    _write_jsonl(paths.held_out / "test.jsonl", map(asdict, held_out()))
    return paths


def _demonstration(question: str) -> dict[str, list[dict[str, str]]]:
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": worked_answer(question)},
        ]
    }


def _write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
