"""The start policies: ``python -m examples.study.starts`` pre-trains all of them.

- *instruct* mostly answers by a quick result, right in part, and sometimes writes a worked answer,
  with slips; it has seen worked answers to the easier levels only.
- *base* knows the same, but no format: it rarely writes ``#``.

The weights in starts/ are in float16, so that every machine starts from the same policy.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen2ForCausalLM

from examples.study.policy import SIZES, chat_row, new_policy, score_rows
from examples.study.registry import TASKS, make_task
from examples.study.tasks import Problem, Task, with_slip

FOLDER = Path(__file__).parent / "starts"
KINDS = ("instruct", "base")
# As many steps as make a policy that is right in part.
STEPS = {"chain": 1200, "sorting": 500, "paths": 1200, "tools": 1000}
ROWS, LEARNING_RATE, WARMUP_STEPS = 64, 2e-3, 50
PROBLEMS, SEED = 6000, 0
# Share of worked answers, and shares of slips in those and in the others.
WORKED, CARELESS, HASTY = 0.35, 0.2, 0.3
# Share of answers of a base start with the format.
FORMATTED = 0.04


def answer(task: Task, kind: str, problem: Problem, worked: bool, rng: random.Random) -> str:
    """Draw an answer as a start policy of this kind has seen it."""
    text = problem.worked if worked else problem.short
    if rng.random() < (CARELESS if worked else HASTY):
        text = with_slip(text, task.characters, rng)
    if kind == "base" and rng.random() > FORMATTED:
        text = text.replace("#", "")
    return text


def pretrain(
    task: Task, kind: str, size: str, steps: int, device: torch.device
) -> Qwen2ForCausalLM:
    """Pre-train a start policy on problems of the pool `start`; one seed gives the same weights."""
    problems = task.draw("start", PROBLEMS, SEED)
    easier = [problem for problem in problems if problem.level in task.partial_levels]
    worked_rows = round(WORKED * ROWS)
    torch.manual_seed(SEED)
    policy = new_policy(size, task.characters).to(device)
    optimizer = torch.optim.AdamW(policy.parameters(), betas=(0.9, 0.98), weight_decay=0.01)
    rng = random.Random(SEED)
    began = time.monotonic()
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = _rate(step, steps)
        parts = [
            (True, rng.sample(easier, worked_rows)),
            (False, rng.sample(problems, ROWS - worked_rows)),
        ]
        total, count = torch.zeros((), device=device), 0
        # Worked answers are long; apart from the others they cause no padding there.
        for worked, some in parts:
            texts = [answer(task, kind, problem, worked, rng) for problem in some]
            rows = [
                chat_row(problem.prompt, text, task.characters)
                for problem, text in zip(some, texts, strict=True)
            ]
            scored = score_rows(policy, rows)
            total = total - scored.logprob[scored.response].sum()
            count += int(scored.response.sum())
        optimizer.zero_grad()
        (total / count).backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 100 == 0:
            seconds = time.monotonic() - began
            print(f"{task.name} {kind}: step {step + 1}/{steps}, {seconds:.0f} s", flush=True)
    return policy


def _rate(step: int, steps: int) -> float:
    cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
    return LEARNING_RATE * min(1.0, (step + 1) / WARMUP_STEPS) * (0.05 + 0.95 * cosine)


def load_start(task: str, kind: str, size: str, folder: Path = FOLDER) -> Qwen2ForCausalLM:
    """Load a start policy in float32.

    Raises:
        FileNotFoundError: It was not pre-trained.
    """
    weights = load_file(folder / f"{task}_{kind}_{size}.safetensors")
    policy = new_policy(size, TASKS[task].characters)
    policy.load_state_dict({name: value.float() for name, value in weights.items()})
    return policy


def main() -> None:
    """Pre-train start policies and write them to a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--out", type=Path, default=FOLDER)
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.tasks:
        for kind in args.kinds:
            policy = pretrain(make_task(name), kind, args.size, STEPS[name], device)
            weights = {key: value.half().cpu() for key, value in policy.state_dict().items()}
            save_file(weights, args.out / f"{name}_{kind}_{args.size}.safetensors")


if __name__ == "__main__":
    main()
