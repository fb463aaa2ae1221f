"""A cell: everything that determines one run of the study, and the data that it sees."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass
from functools import cache

from examples.study.methods import METHODS, Stage
from examples.study.registry import make_task
from examples.study.tasks import Problem, wrong_answer

MAX_EXPERTS, TRAIN, VALIDATION, TEST, FAR = 2048, 2000, 100, 400, 200
WRONG_SHARE, STEPS = 0.2, 60


@dataclass(frozen=True)
class Cell:
    """One run of the study.

    Attributes:
        part: The part of the study that it belongs to.
        task: Name of the task.
        method: Name of the method.
        seed: Seed of the training: the order of prompts and expert rows, and the sampling.
        task_seed: Seed of the problems.
        rate: Learning rate.
        decay: Whether the learning rate decays linearly to 0.
        value: The method's main parameter.
        start: Kind of the start policy.
        experts: Number of expert answers.
        expert: `good`, `weak` (20 % wrong results) or `partial` (only the easier levels).
        steps: Optimizer steps, if there is one update per batch.
        updates: Optimizer steps on each batch.
        scaling: `exact`, or `mix_chord`: the scale of Trinity's `mix_chord` with micro-batches
            of two rows.
        size: Name of the policy's size.
    """

    part: str
    task: str
    method: str
    seed: int
    task_seed: int
    rate: float
    decay: bool = True
    value: float = 0.0
    start: str = "instruct"
    experts: int = MAX_EXPERTS
    expert: str = "good"
    steps: int = STEPS
    updates: int = 1
    scaling: str = "exact"
    size: str = "small"

    @property
    def key(self) -> str:
        """A text that is the same for the same cell."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of its method."""
        return METHODS[self.method].stages(self.value, self.steps)


@dataclass(frozen=True)
class Data:
    """The problems of a task seed."""

    experts: list[Problem]
    partial: list[Problem]
    train: list[Problem]
    validation: list[Problem]
    test: list[Problem]
    far: list[Problem]


@cache
def problems(task_name: str, task_seed: int) -> Data:
    """Draw the disjoint sets of problems of a task seed."""
    task = make_task(task_name)
    return Data(
        experts=task.draw("expert", MAX_EXPERTS, task_seed),
        partial=task.draw("expert", MAX_EXPERTS, task_seed, task.partial_levels),
        train=task.draw("train", TRAIN, task_seed),
        validation=task.draw("validation", VALIDATION, task_seed),
        test=task.draw("test", TEST, task_seed),
        far=task.draw("test", FAR, task_seed, task.far_levels),
    )


def expert_answers(cell: Cell) -> list[tuple[Problem, str]]:
    """Return the expert set of a cell: problems and their worked answers."""
    data = problems(cell.task, cell.task_seed)
    pool = data.partial if cell.expert == "partial" else data.experts
    rng = random.Random(cell.task_seed)
    task = make_task(cell.task)
    return [
        (
            problem,
            wrong_answer(task, problem, rng)
            if cell.expert == "weak" and rng.random() < WRONG_SHARE
            else problem.worked,
        )
        for problem in pool[: cell.experts]
    ]
