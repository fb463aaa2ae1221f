"""Finds the Hugging Face folder in what is given as a model."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from trinity_chord.evaluation.errors import EvaluationError

MEGABYTE = 2**20
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
SHARDS = ("model_world_size_*.pt", "dist_ckpt")
WANTED = (
    "a folder with config.json, weights and tokenizer, a Trinity checkpoint (global_step_N), or a "
    "hub id"
)


def resolve_model(model: str) -> str:
    """Return the folder or hub id that `transformers` and vLLM can load.

    Args:
        model: A Hugging Face folder, a Trinity checkpoint (`global_step_N` or its `actor`), or a
            hub id such as `Qwen/Qwen2.5-7B-Instruct`.

    Raises:
        EvaluationError: There is no such folder, it is a whole run's, or it holds shards of the
            trainer only.
    """
    folder = Path(model)
    if not folder.is_dir():
        if not folder.exists() and re.fullmatch(r"[\w-][\w.-]*(/[\w.-]+)?", model):
            return model
        raise EvaluationError(f"model {model!r} is not a folder. Wanted: {WANTED}.")
    for found in (folder, folder / "huggingface", folder / "actor" / "huggingface"):
        if (found / "config.json").is_file() and _holds(found, WEIGHTS):
            return str(found)
    for actor in (folder.parent, folder, folder / "actor"):
        if _holds(actor, SHARDS):
            raise EvaluationError(
                f"model {model!r} holds the trainer's shards but no Hugging Face weights. Write "
                f"them first: trinity convert --checkpoint-dir {_step_folder(actor)} "
                "--base-model-dir MODEL, where MODEL is the model that the run began with."
            )
    steps = sorted(folder.glob("global_step_*"), key=lambda path: (len(path.name), path.name))
    if steps:
        raise EvaluationError(
            f"model {model!r} is the folder of a run. Give one of its checkpoints: "
            + ", ".join(map(str, steps))
        )
    names = ", ".join(sorted(path.name for path in folder.iterdir())[:12]) or "nothing"
    raise EvaluationError(f"model {model!r} holds no model, but {names}. Wanted: {WANTED}.")


def _holds(folder: Path, patterns: tuple[str, ...]) -> bool:
    return any(True for pattern in patterns for _ in folder.glob(pattern))


def _step_folder(actor: Path) -> Path:
    return actor.parent if actor.name == "actor" else actor


def fingerprint(model: str) -> str:
    """Return a digest of a model's weights by which another checkpoint is told from it.

    It reads the first and the last megabyte of each file of weights: training changes all of them.
    That of a hub id is of the id.

    Raises:
        EvaluationError: As `resolve_model` does.
    """
    resolved = resolve_model(model)
    digest = hashlib.sha256()
    files = [path for pattern in WEIGHTS for path in sorted(Path(resolved).glob(pattern))]
    if not files:
        digest.update(resolved.encode())
    for path in files:
        size = path.stat().st_size
        digest.update(f"{path.name} {size} ".encode())
        with path.open("rb") as file:
            digest.update(file.read(MEGABYTE))
            file.seek(max(0, size - MEGABYTE))
            digest.update(file.read())
    return digest.hexdigest()
