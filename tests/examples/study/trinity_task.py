"""The study's task `chain` for `trinity run`: its model folder, its data, its YAML, its reward."""

import json
from dataclasses import asdict
from pathlib import Path

import yaml
from trinity.common.rewards.reward_fn import RewardFn

from examples.study.cells import Cell, expert_answers, problems
from examples.study.loop import EXPERT_ROWS, PROMPTS, REPEATS, WARMUP_STEPS
from examples.study.registry import make_task
from examples.study.starts import load_start
from examples.study.tasks import Problem
from trinity_chord.quickstart.tokenizer import build_tokenizer

LONGEST_PROMPT = 32


class ChainReward(RewardFn):
    """The reward of the study's loop; ``truth`` is a problem in JSON."""

    def __init__(self) -> None:
        self.task = make_task("chain")

    def __call__(self, response: str, truth: str) -> dict[str, float]:
        ended = len(response) < self.task.max_tokens
        return {"score": self.task.reward(Problem(**json.loads(truth)), response, ended)}


def write_folder(cell: Cell, folder: Path) -> Path:
    """Write what a run of the cell needs and return its YAML."""
    task = make_task(cell.task)
    load_start(cell.task, cell.start, cell.size).save_pretrained(folder / "start")
    build_tokenizer(task.characters).save_pretrained(folder / "start")
    prompts = problems(cell.task, cell.task_seed).train
    _write_rows(
        folder / "tasks", [{"question": p.prompt, "answer": json.dumps(asdict(p))} for p in prompts]
    )
    answers = [
        [{"role": "user", "content": p.prompt}, {"role": "assistant", "content": answer}]
        for p, answer in expert_answers(cell)
    ]
    _write_rows(folder / "expert", [{"messages": each} for each in answers])
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(_configuration(cell, folder)))
    return path


def _write_rows(folder: Path, rows: list[dict]) -> None:
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _configuration(cell: Cell, folder: Path) -> dict:
    schedule, arguments = cell.stages[0].mu
    assert schedule == "constant"
    file = {"storage_type": "file", "split": "train"}
    return {
        "project": "trinity-chord",
        "name": "quickstart",
        "checkpoint_root_dir": str(folder / "checkpoints"),
        "mode": "both",
        "algorithm": {
            "algorithm_type": "trinity_chord.CHORDAlgorithm",
            "repeat_times": REPEATS,
            "optimizer": {
                "lr": cell.rate,
                "lr_warmup_steps": WARMUP_STEPS,
                "lr_scheduler_type": "constant",
                "weight_decay": 0.0,
                "clip_grad": 1.0,
            },
            "sample_strategy_args": {"expert_rows": EXPERT_ROWS},
            "policy_loss_fn_args": {
                "mu_schedule": "constant",
                "mu_schedule_args": dict(arguments),
                "token_weight": cell.stages[0].token_weight[0],
            },
        },
        "model": {
            "model_path": str(folder / "start"),
            "max_prompt_tokens": LONGEST_PROMPT,
            "max_response_tokens": make_task(cell.task).max_tokens,
        },
        "cluster": {"node_num": 1, "gpu_per_node": 2},
        "buffer": {
            "batch_size": PROMPTS,
            "total_steps": cell.steps,
            "explorer_input": {
                "taskset": {
                    **file,
                    "name": "chain",
                    "path": str(folder / "tasks"),
                    "format": {"prompt_key": "question", "response_key": "answer"},
                    "rollout_args": {"temperature": 1.0},
                },
                "default_workflow_type": "simple_workflow",
                "default_reward_fn_type": f"{__name__}.ChainReward",
            },
            "trainer_input": {
                "experience_buffer": {"name": "rollouts", "storage_type": "queue"},
                "auxiliary_buffers": {
                    "sft_dataset": {
                        **file,
                        "name": "worked",
                        "path": str(folder / "expert"),
                        "format": {"prompt_type": "messages", "messages_key": "messages"},
                    }
                },
            },
        },
        "explorer": {
            "runner_per_model": 4,
            "rollout_model": {"engine_type": "transformers", "engine_num": 1},
        },
        "synchronizer": {"sync_method": "memory", "sync_interval": 1},
        "trainer": {
            "total_steps": cell.steps,
            "save_interval": cell.steps,
            "max_token_len_per_gpu": 4096,
        },
        "monitor": {"monitor_type": "tensorboard"},
    }
