"""A tiny model, and a few rows with the columns that `trinity-chord prepare` writes."""

import json
from pathlib import Path

from tests.tiny_model import make_model_folder

ROOT = Path(__file__).parents[2]
TOOL = {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {}}}
CALL = [{"name": "add", "arguments": {"a": 1, "b": 1}}]


def chat(question: str, answer: str) -> list[dict[str, str]]:
    """Return the messages of a row."""
    turns = (("system", "Think first."), ("user", question), ("assistant", answer))
    return [{"role": role, "content": content} for role, content in turns]


ROWS = {
    "math/rl": {"problem": "What is 1 + 1?", "answer": "2"},
    "math/sft": {"messages": chat("What is 1 + 1?", "<think>1 + 1</think> 2")},
    "tool/rl": {
        "tools": json.dumps([TOOL]),
        "conversations": [{"from": "user", "value": "Add 1 and 1."}],
        "answer": json.dumps(CALL),
        "raw_system": "You call tools.",
    },
    "tool/sft": {
        "tools": json.dumps([TOOL]),
        "conversations": [{"from": "user", "value": "Add 1 and 1."}],
        "answer": json.dumps(CALL),
        "raw_system": "You call tools.",
        "messages": chat("Add 1 and 1.", "<think>add</think> call"),
    },
}
# The sizes of the recipes' two models, from their config.json.
QWEN = {
    "model_type": "qwen2",
    "architectures": ["Qwen2ForCausalLM"],
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "tie_word_embeddings": False,
}
LLAMA = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 28,
    "num_attention_heads": 24,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 128256,
    "tie_word_embeddings": True,
}
ROWS_OF_EACH = 32  # so that three epochs of SFT are one step of 96 rows


def make_data(folder: Path) -> Path:
    """Write a model to `<folder>/base`, and a file of rows for each domain and set."""
    make_model_folder(folder / "base", positions=2**15)
    for name, row in ROWS.items():
        path = folder / "data" / name / "train.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text((json.dumps(row) + "\n") * ROWS_OF_EACH)
    return folder


def variables(folder: Path, domain: str) -> dict[str, str]:
    """Return the environment variables that point the recipes of a domain to the folder."""
    return {
        "TRINITY_MODEL_PATH": str(folder / "base"),
        "TRINITY_TASKSET_PATH": str(folder / "data" / domain / "rl"),
        "TRINITY_SFT_DATASET_PATH": str(folder / "data" / domain / "sft"),
        "TRINITY_CHECKPOINT_ROOT_DIR": str(folder / "checkpoints"),
    }
