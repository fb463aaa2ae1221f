"""Finds the loadable Hugging Face folder of a model argument."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from trinity_chord.evaluation.adapter import find_adapter, merge
from trinity_chord.evaluation.errors import EvaluationError

MEGABYTE = 2**20
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
SHARDS = ("model_world_size_*.pt", "dist_ckpt")
EXPECTED = (
    "a folder with config.json, weights and tokenizer, a Trinity checkpoint (global_step_N), a "
    "LoRA adapter, or a hub id"
)


def resolve_model(model: str) -> str:
    """Return a folder or hub id that `transformers` and vLLM can load.

    A LoRA adapter is merged first, see `merge`: what verl writes next to it as a Hugging Face
    model has the names of PEFT, and `transformers` would load random weights instead.

    Args:
        model: A Hugging Face folder, a Trinity checkpoint (`global_step_N` or its `actor`), the
            folder of a LoRA adapter, or a hub id such as `Qwen/Qwen2.5-7B-Instruct`.

    Raises:
        EvaluationError: The folder does not exist, is the folder of a whole run, or holds only
            the trainer's shards; or its adapter cannot be merged.
    """
    folder = Path(model)
    if not folder.is_dir():
        if not folder.exists() and re.fullmatch(r"[\w-][\w.-]*(/[\w.-]+)?", model):
            return model
        raise EvaluationError(f"model: got {model!r}, which is not a folder; expected {EXPECTED}")
    if adapter := find_adapter(folder):
        return str(merge(adapter))
    for found in (folder, folder / "huggingface", folder / "actor" / "huggingface"):
        if (found / "config.json").is_file() and _holds(found, WEIGHTS):
            return str(found)
    for actor in (folder.parent, folder, folder / "actor"):
        if _holds(actor, SHARDS):
            raise EvaluationError(
                f"model {model!r} holds the trainer's shards but no Hugging Face weights. Convert "
                f"them first: trinity convert --checkpoint-dir {_step_folder(actor)} "
                "--base-model-dir MODEL, where MODEL is the model that the run started from."
            )
    steps = sorted(folder.glob("global_step_*"), key=lambda path: (len(path.name), path.name))
    if steps:
        raise EvaluationError(
            f"model {model!r} is the folder of a run. Choose one of its checkpoints: "
            + ", ".join(map(str, steps))
        )
    names = ", ".join(sorted(path.name for path in folder.iterdir())[:12]) or "nothing"
    raise EvaluationError(f"model: got {model!r}, which holds {names}; expected {EXPECTED}")


def _holds(folder: Path, patterns: tuple[str, ...]) -> bool:
    return any(True for pattern in patterns for _ in folder.glob(pattern))


def _step_folder(actor: Path) -> Path:
    return actor.parent if actor.name == "actor" else actor


def fingerprint(model: str) -> str:
    """Return a digest that distinguishes a model's weights from those of other checkpoints.

    It covers the size and the first and last megabyte of each weights file, since training changes
    all of them. For a hub id it covers only the id.

    Raises:
        EvaluationError: See `resolve_model`.
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
