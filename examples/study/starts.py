"""The start policies: ``python -m examples.study.starts`` pre-trains all of them.

- *instruct* answers in two styles of its own, both right in part: the result alone, or notes with
  slips before the result. It has never seen the expert's style.
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

from examples.study.cells import SIZES
from examples.study.policy import (
    END,
    Size,
    Weights,
    chat_prompt,
    encode,
    log_probabilities,
    new_weights,
    pad_rows,
    parameters,
    stack,
)
from examples.study.registry import TASKS, make_task
from examples.study.tasks import Problem, Task, with_slip

FOLDER = Path(__file__).parent / "starts"
KINDS = ("instruct", "base")
STEPS, ROWS, LEARNING_RATE, WARMUP_STEPS = 600, 64, 2e-3, 50
PROBLEMS, SEED = 6000, 0
# Share of answers with notes, and how many of them have a slip.
NOTES, CARELESS = 0.4, 0.3
# Share of answers of a base start with the format.
FORMATTED = 0.04


def answer(task: Task, kind: str, problem: Problem, rng: random.Random) -> str:
    """Draw an answer as a start policy of this kind has seen it."""
    notes = rng.random() < NOTES
    text = problem.brief if notes else problem.short
    if notes and rng.random() < CARELESS:
        text = with_slip(text, task.characters, rng)
    if kind == "base" and rng.random() > FORMATTED:
        text = text.replace("#", "")
    return text


def pretrain(task: Task, size: Size, steps: int, device: torch.device) -> dict[str, Weights]:
    """Pre-train both kinds of start policy on problems of the pool `start`."""
    problems = task.draw("start", PROBLEMS, SEED)
    runs = [parameters(new_weights(size, task.characters, SEED), device) for _ in KINDS]
    optimizers = [
        torch.optim.AdamW(run.values(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
        for run in runs
    ]
    rng = random.Random(SEED)
    began = time.monotonic()
    for step in range(steps):
        rows = pad_rows([_rows(task, kind, problems, rng) for kind in KINDS], device)
        logprob, _ = log_probabilities(stack(runs), size, rows)
        counts = rows.response.sum((1, 2))
        loss = -(torch.where(rows.response, logprob, 0.0).sum((1, 2)) / counts).sum()
        loss.backward()
        for run, optimizer in zip(runs, optimizers, strict=True):
            optimizer.param_groups[0]["lr"] = _rate(step, steps)
            torch.nn.utils.clip_grad_norm_(run.values(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        if (step + 1) % 100 == 0:
            seconds = time.monotonic() - began
            print(f"{task.name}: step {step + 1}/{steps}, {seconds:.0f} s", flush=True)
    return {
        kind: {name: value.detach().half().cpu() for name, value in run.items()}
        for kind, run in zip(KINDS, runs, strict=True)
    }


def _rows(
    task: Task, kind: str, problems: list[Problem], rng: random.Random
) -> list[tuple[list[int], list[int]]]:
    drawn = rng.sample(problems, ROWS)
    return [
        (
            chat_prompt(problem.prompt, task.characters),
            [*encode(answer(task, kind, problem, rng), task.characters), END],
        )
        for problem in drawn
    ]


def _rate(step: int, steps: int) -> float:
    cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
    return LEARNING_RATE * min(1.0, (step + 1) / WARMUP_STEPS) * (0.05 + 0.95 * cosine)


def load_start(task: str, kind: str, size: str, folder: Path = FOLDER) -> Weights:
    """Load a start policy of a size by name, in float32.

    Raises:
        FileNotFoundError: It was not pre-trained.
    """
    return {
        name: value.float()
        for name, value in load_file(folder / f"{task}_{kind}_{size}.safetensors").items()
    }


def main() -> None:
    """Pre-train the start policies and write them to a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--out", type=Path, default=FOLDER)
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.tasks:
        for kind, weights in pretrain(
            make_task(name), SIZES[args.size], args.steps, device
        ).items():
            save_file(weights, args.out / f"{name}_{kind}_{args.size}.safetensors")


if __name__ == "__main__":
    main()
