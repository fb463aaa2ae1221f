"""The multi-turn recipe trains for five steps, from `prepare` to the last checkpoint.

The simulators, the cases and the checkers are bfcl-eval's; in a copy of it, the descriptions of
functions are left out, so that a prompt is short enough for two cores.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from tests.chat_templates import QWEN25
from tests.e2e.runs import CONFIGS, command
from trinity_chord.bfcl_package import VARIABLE, find_package
from trinity_chord.report.history import read_history

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.long]

STEPS = 5
SMALL = {
    "cluster.gpu_per_node": 2,
    "explorer.rollout_model.engine_num": 1,
    "explorer.rollout_model.engine_type": "transformers",
    "explorer.runner_per_model": 1,
    "model.max_response_tokens": 12,
    "model.max_model_len": 8192,
    "buffer.total_steps": STEPS,
    "buffer.batch_size": 2,
    "algorithm.repeat_times": 2,
    "algorithm.sample_strategy_args.expert_rows": 2,
    "trainer.max_token_len_per_gpu": 8192,
    "trainer.offload_policy": "false",
}


def small_bfcl(folder: Path) -> Path:
    """Copy bfcl-eval without the descriptions of its functions."""
    found = find_package().folder
    shutil.copytree(found, folder)
    for path in (folder / "bfcl_eval/data/multi_turn_func_doc").glob("*.json"):
        functions = [json.loads(line) for line in path.read_text().splitlines()]
        lines = [json.dumps(bare(function)) for function in functions]
        path.write_text("\n".join(lines) + "\n")
    return folder


def bare(function: dict) -> dict:
    properties = function["parameters"]["properties"]
    return {
        "name": function["name"],
        "description": "",
        "parameters": {"properties": dict.fromkeys(properties, "")},
    }


def make_model(folder: Path, chats: Path) -> None:
    """Write a tiny random model whose tokenizer was trained on the chats."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<pad>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=1000, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    texts = [
        message["content"]
        for line in chats.read_text().splitlines()
        for message in json.loads(line)["messages"]
    ]
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>"],
    )
    fast.chat_template = QWEN25
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=8192,
        eos_token_id=fast.eos_token_id,
        pad_token_id=0,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)


def test_the_recipe_trains_for_five_steps(tmp_path, ray):
    env = {**ray.env, VARIABLE: str(small_bfcl(tmp_path / "bfcl"))}
    data = tmp_path / "data"
    sizes = ("--sft", 8, "--rl", 10, "--test", 0, "--categories", "multi_turn_base")
    command("prepare", "bfcl-multi-turn", "--out", data, *sizes, **env)
    make_model(tmp_path / "base", data / "sft/train.jsonl")
    env |= {
        "TRINITY_MODEL_PATH": str(tmp_path / "base"),
        "TRINITY_TASKSET_PATH": str(data / "rl"),
        "TRINITY_SFT_DATASET_PATH": str(data / "sft"),
        "TRINITY_CHECKPOINT_ROOT_DIR": str(tmp_path / "checkpoints"),
    }
    # Ray's actors have the environment that Ray was started with, so the folder is an argument.
    folder = {"buffer.explorer_input.taskset.workflow_args.bfcl_eval": env[VARIABLE]}
    changes = SMALL | folder
    overrides = [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]
    command("run", CONFIGS / "multi_turn" / "chord.yaml", *overrides, **env)
    job = tmp_path / "checkpoints/chord-multi-turn/chord"
    rows = read_history(job, "trainer")
    assert [(row["actor/usual/rows"], row["actor/expert/rows"]) for row in rows] == [(4, 2)] * STEPS
    # A random model solves nothing, so the gap to the expert's reward of 1 is at its bound.
    assert [row["actor/mu"] for row in rows] == pytest.approx([0.9] * STEPS)
    assert all(row["actor/grad_norm"] > 0 for row in rows)
    played = read_history(job, "explorer")
    assert all(row["rollout/turns_passed/mean"] < 1 for row in played)
    assert (job / f"global_step_{STEPS}").is_dir()
