"""Makes a model that can be loaded out of the LoRA adapter of a checkpoint."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.locks import exclusive

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

logger = logging.getLogger(__name__)


def find_adapter(folder: Path) -> Path | None:
    """Return the folder of the adapter that belongs to a checkpoint, None if there is none.

    Args:
        folder: The adapter itself, a Trinity checkpoint (`global_step_N`), its `actor`, or the
            `huggingface` in there.
    """
    places = [folder, folder / "lora_adapter", folder / "actor" / "lora_adapter"]
    if folder.name == "huggingface":
        places.append(folder.parent / "lora_adapter")
    return next((place for place in places if (place / CONFIG).is_file()), None)


def merge(adapter: Path) -> Path:
    """Merge an adapter into the model that it was trained on, and keep the result.

    Args:
        adapter: The folder of the adapter.

    Returns:
        A folder inside it with the weights, in the model's own dtype, and the tokenizer. It is
        used again as long as the adapter is the same.

    Raises:
        EvaluationError: The adapter has no weights, its model cannot be loaded, or another process
            is merging it.
    """
    weights = adapter / WEIGHTS
    if not weights.is_file():
        raise EvaluationError(f"model: {adapter} holds no {WEIGHTS}")
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    merged = adapter / f"merged-{digest[:8]}"
    busy = EvaluationError(f"model: another process is merging the adapter in {adapter}")
    with exclusive(adapter / ".lock", busy):
        if not merged.is_dir():
            unfinished = adapter / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            _write(adapter, unfinished)
            os.replace(unfinished, merged)
    return merged


def _write(adapter: Path, folder: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    settings = json.loads((adapter / CONFIG).read_text(encoding="utf-8"))
    base = settings.get("base_model_name_or_path")
    logger.info("Merging the adapter of %s into %s.", base, folder.parent)
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(base, dtype="auto")
        tokenizer = AutoTokenizer.from_pretrained(base)
    except (OSError, ValueError) as error:
        raise EvaluationError(
            f"model: the adapter in {adapter} was trained on {base!r}, which cannot be loaded: "
            f"{error}; if it has moved, change `base_model_name_or_path` in its {CONFIG}"
        ) from error
    model = PeftModel.from_pretrained(model, str(adapter))
    model.merge_and_unload().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
