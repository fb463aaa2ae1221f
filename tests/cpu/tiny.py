"""A task and a configuration small enough to train in seconds."""

import json
import random
from pathlib import Path

import yaml


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
    """Write a configuration that does not mention the missing GPU."""
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
            "train_batch_size": 16,
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
