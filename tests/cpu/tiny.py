"""A model, a task and a configuration small enough to train in seconds."""

import json
import random
from pathlib import Path

import torch
import yaml
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

SPECIAL = ["<pad>", "<|im_start|>", "<|im_end|>", "<unk>"]
CHARACTERS = list(
    "0123456789+-*=? abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,:;!'\"()<>/\n"
)
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' %}"
    "{% generation %}{{ m['content'] }}<|im_end|>{% endgeneration %}"
    "{% else %}{{ m['content'] }}<|im_end|>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_model(folder: Path, *, tied: bool = False) -> Path:
    """Save a random two-layer model with a tokenizer of single characters."""
    vocabulary = {token: i for i, token in enumerate(SPECIAL + CHARACTERS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<|im_end|>",
        unk_token="<unk>",
        additional_special_tokens=["<|im_start|>"],
    )
    fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(vocabulary),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            tie_word_embeddings=tied,
            bos_token_id=None,
            eos_token_id=vocabulary["<|im_end|>"],
            pad_token_id=0,
        )
    ).save_pretrained(folder)
    return folder


def make_data(folder: Path) -> None:
    """Write 64 sums as a task and 64 as expert conversations."""
    draw = random.Random(0)
    for name in ("task", "sft"):
        (folder / name).mkdir(parents=True)
        with (folder / name / "train.jsonl").open("w") as file:
            for _ in range(64):
                a, b = draw.randint(0, 9), draw.randint(0, 9)
                question, answer = f"{a}+{b}=?", str(a + b)
                task = {"question": question, "answer": answer}
                messages = [
                    {"role": "user", "content": question},
                    {"role": "assistant", "content": answer},
                ]
                file.write(json.dumps(task if name == "task" else {"messages": messages}) + "\n")


def write_config(
    folder: Path, *, algorithm: dict, gpus: int, sync_method: str, steps: int = 4
) -> Path:
    """Write a configuration that says nothing about the missing GPU."""
    config = {
        "project": "tests",
        "name": "tiny",
        "checkpoint_root_dir": str(folder / "checkpoints"),
        "mode": "both",
        "continue_from_checkpoint": False,
        "algorithm": {"repeat_times": 4, "optimizer": {"lr": 1.0e-3}, **algorithm},
        "model": {
            "model_path": str(folder / "model"),
            "max_prompt_tokens": 48,
            "max_response_tokens": 16,
        },
        "cluster": {"node_num": 1, "gpu_per_node": gpus},
        "buffer": {
            "total_steps": steps,
            "batch_size": 2,
            "train_batch_size": 16 if "sample_strategy_args" in algorithm else 8,
            "explorer_input": {
                "taskset": {
                    "name": "sums",
                    "storage_type": "file",
                    "path": str(folder / "data" / "task"),
                    "split": "train",
                    "format": {"prompt_key": "question", "response_key": "answer"},
                    "rollout_args": {"temperature": 1.0, "logprobs": 0},
                },
                "default_workflow_type": "simple_workflow",
                "default_reward_fn_type": "cpu_job.DigitReward",
            },
            "trainer_input": {
                "auxiliary_buffers": {
                    "sft_dataset": {
                        "total_epochs": 100,
                        "name": "sft",
                        "storage_type": "file",
                        "schema_type": "sft",
                        "path": str(folder / "data" / "sft"),
                        "split": "train",
                        "format": {"prompt_type": "messages", "messages_key": "messages"},
                    }
                }
            },
        },
        "explorer": {"runner_per_model": 1, "eval_interval": 100},
        "synchronizer": {"sync_method": sync_method, "sync_interval": 1, "sync_timeout": 300},
        "trainer": {"total_steps": steps, "save_interval": 100, "max_token_len_per_gpu": 256},
        "monitor": {"monitor_type": "tensorboard"},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path
