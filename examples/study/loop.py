"""The training loop of the study: L = (1-μ)·L_GRPO + μ·L_SFT on `trinity_chord.objective`.

Cells of one task and size are trained side by side, each with its own weights, data, random
numbers and optimizer. A step samples rollouts, draws expert rows, and takes the gradient of the
whole batch.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from examples.study.cells import SIZES, Cell, expert_answers, problems
from examples.study.methods import Stage
from examples.study.mix_chord import mix_chord_loss
from examples.study.policy import (
    END,
    Rows,
    Sampled,
    Size,
    Weights,
    chat_prompt,
    decode,
    encode,
    log_probabilities,
    pad_rows,
    parameters,
    sample,
    stack,
)
from examples.study.registry import make_task
from examples.study.scoring import Scorer
from examples.study.starts import load_start
from examples.study.tasks import Problem
from trinity_chord.objective import (
    BatchFigures,
    chord_loss,
    clipped_policy_gradient,
    prompt_rewards,
)

PROMPTS, REPEATS, EXPERT_ROWS = 6, 8, 12
ROLLOUTS = PROMPTS * REPEATS
EVALUATE_EVERY, WARMUP_STEPS = 10, 10
CLIP_NORM, ADVANTAGE_EPSILON = 1.0, 1e-6
Row = tuple[list[int], list[int]]


class Run:
    """One cell while it trains."""

    def __init__(self, cell: Cell, start: Weights, device: torch.device) -> None:
        self.cell, self.start = cell, start
        self.task = make_task(cell.task)
        self.weights = parameters(start, device)
        self.optimizer = torch.optim.Adam(self.weights.values(), lr=cell.rate)
        self.rng = random.Random(f"{cell.seed} {cell.task_seed}")
        self.answers = expert_answers(cell)
        self.expert_order = _endless(len(self.answers), self.rng)
        self.train_order = _endless(len(problems(cell.task, cell.task_seed).train), self.rng)
        bounds = [0.0]
        for stage in cell.stages:
            bounds.append(bounds[-1] + stage.share)
        self.ends = [round(bound * cell.steps) for bound in bounds[1:]]
        self.stage_index, self.stage_step = 0, 0
        self.mu_rule = self.stage.mu_rule()
        self.best: tuple[float, Weights] | None = None
        self.tokens = {"sampled": 0, "expert": 0}
        self.figures: list[dict[str, float]] = []
        self.curve: list[dict[str, float]] = []

    @property
    def stage(self) -> Stage:
        """The current stage."""
        return self.cell.stages[self.stage_index]

    def is_training(self, step: int) -> bool:
        """Return whether this step, from 0, belongs to the run; a light run ends early."""
        return step < self.ends[-1]

    def begin(self, step: int) -> None:
        """Move to the stage of this step, and set the learning rate."""
        while step >= self.ends[self.stage_index]:
            self.finish_stage()
            self.stage_index, self.stage_step = self.stage_index + 1, 0
            self.mu_rule = self.stage.mu_rule()
            self.optimizer = torch.optim.Adam(self.weights.values(), lr=self.cell.rate)
        begin = self.ends[self.stage_index - 1] if self.stage_index else 0
        left = 1.0 - (step - begin) / (self.ends[self.stage_index] - begin)
        warm = min(1.0, (step - begin + 1) / WARMUP_STEPS)
        self.optimizer.param_groups[0]["lr"] = (
            self.cell.rate * self.stage.rate_factor * warm * (left if self.cell.decay else 1.0)
        )
        self.stage_step += 1

    def draw(self) -> tuple[list[Problem], list[tuple[Problem, str]]]:
        """Draw the prompts and the expert answers of a batch."""
        stage = self.stage
        if stage.gate != "all":
            paired = [self.answers[next(self.expert_order)] for _ in range(PROMPTS)]
            return [problem for problem, _ in paired], paired
        train = problems(self.cell.task, self.cell.task_seed).train
        prompts = [train[next(self.train_order)] for _ in range(PROMPTS * stage.rollouts)]
        count = (EXPERT_ROWS if stage.rollouts else ROLLOUTS + EXPERT_ROWS) * stage.experts
        return prompts, [self.answers[next(self.expert_order)] for _ in range(count)]

    def observe(self, validation_loss: float) -> None:
        """Remember the weights of the lowest validation loss."""
        if self.stage.best and (self.best is None or validation_loss < self.best[0]):
            kept = {name: value.detach().clone() for name, value in self.weights.items()}
            self.best = validation_loss, kept

    def finish_stage(self) -> None:
        """Go back to the weights of the lowest validation loss, if the stage asks for it."""
        if self.stage.best and self.best is not None:
            with torch.no_grad():
                for name, value in self.weights.items():
                    value.copy_(self.best[1][name])


def _endless(n: int, rng: random.Random) -> Iterator[int]:
    order = random.Random(rng.random())
    while True:
        yield from order.sample(range(n), n)


class Batch:
    """The rows of one run in one step, on-policy rows first, and what the loss needs of them."""

    def __init__(
        self, run: Run, prompts: list[Problem], experts: list[tuple[Problem, str]]
    ) -> None:
        self.run, self.problems, self.experts = run, prompts, experts
        self.characters = run.task.characters
        self.prompts = [
            chat_prompt(problem.prompt, self.characters)
            for problem in prompts
            for _ in range(REPEATS)
        ]
        self.rollouts: list[Sampled] = []
        self.mu = 1.0
        self.is_open: Tensor | None = None

    def score(self) -> None:
        """Compute rewards, advantages and μ, and let the gate decide."""
        rewards = [
            self.run.task.reward(
                self.problems[i // REPEATS], decode(each.tokens, self.characters), each.ended
            )
            for i, each in enumerate(self.rollouts)
        ]
        self.rewards = torch.tensor(rewards)
        groups = self.rewards.reshape(-1, REPEATS)
        spread = groups.std(-1, keepdim=True) + ADVANTAGE_EPSILON
        self.advantages = ((groups - groups.mean(-1, keepdim=True)) / spread).flatten()
        self.mu = self.run.mu_rule.next(self.run.stage_step, BatchFigures(rewards=tuple(rewards)))
        if self.run.stage.gate != "all":
            prompt = torch.arange(len(self.problems)).repeat_interleave(REPEATS)
            opened = self.run.stage.bound_gate()(
                prompt_rewards(self.rewards, prompt, len(self.problems))
            )
            self.is_open = torch.cat([opened.on_policy[prompt], opened.expert])

    def rows(self) -> list[Row]:
        """Return the rows, prompt and response."""
        own = [(p, each.tokens) for p, each in zip(self.prompts, self.rollouts, strict=True)]
        return own + [
            (chat_prompt(problem.prompt, self.characters), [*encode(answer, self.characters), END])
            for problem, answer in self.experts
        ]

    def loss(self, logprob: Tensor, mask: Tensor, reference: Tensor | None) -> Tensor:
        """Compute the loss of the run's batch, [N, T], and note its figures."""
        rows, own = len(self.rollouts) + len(self.experts), len(self.rollouts)
        logprob, mask = logprob[:rows], mask[:rows]
        expert = torch.arange(rows, device=mask.device) >= own
        old, advantages = torch.zeros_like(logprob), torch.zeros_like(logprob)
        if own:
            old[:own][mask[:own]] = torch.tensor(
                [value for each in self.rollouts for value in each.logprobs], device=mask.device
            )
            advantages[:own] = self.advantages.to(mask.device).unsqueeze(-1)
        stage, tensors = self.run.stage, {}
        if reference is not None:
            tensors["ref_logprob"] = reference[:rows]
        self._note(logprob.detach(), mask, old, advantages)
        if self.run.cell.scaling == "mix_chord":
            return mix_chord_loss(
                logprob, old, advantages, mask, expert, mu=self.mu, token_weight=stage.weight()
            )
        return chord_loss(
            logprob, old, advantages, mask, expert,
            mu=self.mu, token_weight=stage.weight(), row_weight=stage.row_weight,
            is_open=self.is_open, **tensors,
        )  # fmt: skip

    def _note(self, logprob: Tensor, mask: Tensor, old: Tensor, advantages: Tensor) -> None:
        own, shown = len(self.rollouts), {"mu": torch.tensor(self.mu)}
        if own:
            at = mask[:own]
            policy = clipped_policy_gradient(logprob[:own], old[:own], advantages[:own])
            shown["clip_share"] = policy.clipped[at].mean()
            shown["reward"] = self.rewards.mean()
            shown["truncated"] = torch.tensor(
                [float(not each.ended) for each in self.rollouts]
            ).mean()
        if self.experts:
            seen = logprob[own:][mask[own:]]
            shown["expert_p"] = seen.exp().mean()
            shown["expert_weight"] = self.run.stage.weight()(seen).mean()
        self.shown = shown


def train(cells: Sequence[Cell], device: torch.device) -> list[dict[str, Any]]:
    """Train cells of one task, size and number of steps, and return one record per cell."""
    first = cells[0]
    size, task = SIZES[first.size], make_task(first.task)
    starts = [load_start(cell.task, cell.start, cell.size) for cell in cells]
    runs = [Run(cell, start, device) for cell, start in zip(cells, starts, strict=True)]
    scorer = Scorer(task, size, device)
    began = time.monotonic()
    for step in range(first.steps):
        active = [run for run in runs if run.is_training(step)]
        if step % EVALUATE_EVERY == 0:
            _evaluate(active, scorer, step)
        if active:
            _step(active, step, size, device)
        for run in active:
            if step + 1 == run.ends[-1]:
                _evaluate([run], scorer, step + 1)
                run.finish_stage()
    seconds = time.monotonic() - began
    finals = scorer.finals(runs)
    return [
        {
            "cell": vars(run.cell),
            "curve": run.curve,
            **final,
            "tokens": run.tokens,
            "seconds": seconds / len(runs),
        }
        for run, final in zip(runs, finals, strict=True)
    ]


def _evaluate(runs: Sequence[Run], scorer: Scorer, step: int) -> None:
    for run, point in zip(runs, scorer.points(runs, step), strict=True):
        run.curve.append({"step": step, **point, **_means(run.figures), **run.tokens})
        run.figures = []
        run.observe(point["validation_loss"])


def _means(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each figure over the steps that have it."""
    names = sorted({name for each in figures for name in each})
    values = {name: [each[name] for each in figures if name in each] for name in names}
    return {name: sum(found) / len(found) for name, found in values.items()}


def _step(runs: Sequence[Run], step: int, size: Size, device: torch.device) -> None:
    batches = []
    for run in runs:
        run.begin(step)
        batches.append(Batch(run, *run.draw()))
    exploring = [batch for batch in batches if batch.prompts]
    if exploring:
        weights = stack([_detached(batch.run.weights) for batch in exploring])
        seeds = [batch.run.rng.getrandbits(62) for batch in exploring]
        prompts = [batch.prompts for batch in exploring]
        limit = runs[0].task.max_tokens
        for batch, rollouts in zip(
            exploring, sample(weights, size, prompts, limit, seeds), strict=True
        ):
            batch.rollouts = rollouts
    for batch in exploring:
        batch.score()
    rows = pad_rows([batch.rows() for batch in batches], device)
    references = _references(batches, rows, size, device)
    for update in range(max(run.cell.updates for run in runs)):
        some = [i for i, run in enumerate(runs) if update < run.cell.updates]
        _update(batches, some, rows, references, size)
    for batch in batches:
        batch.run.tokens["sampled"] += sum(len(each.tokens) for each in batch.rollouts)
        batch.run.tokens["expert"] += sum(len(answer) + 1 for _, answer in batch.experts)
        batch.run.figures.append({name: float(value) for name, value in batch.shown.items()})


def _update(
    batches: Sequence[Batch],
    some: Sequence[int],
    rows: Rows,
    references: dict[int, Tensor],
    size: Size,
) -> None:
    """Take one optimizer step of some of the runs, each on its whole batch."""
    weights = stack([batches[i].run.weights for i in some])
    chosen = rows if len(some) == len(batches) else rows.of(some)
    logprob, _ = log_probabilities(weights, size, chosen)
    losses = [
        batches[i].loss(logprob[j], chosen.response[j], references.get(i))
        for j, i in enumerate(some)
    ]
    torch.stack(losses).sum().backward()
    for i in some:
        run = batches[i].run
        torch.nn.utils.clip_grad_norm_(run.weights.values(), CLIP_NORM)
        run.optimizer.step()
        run.optimizer.zero_grad()


def _references(
    batches: Sequence[Batch], rows: Rows, size: Size, device: torch.device
) -> dict[int, Tensor]:
    """Compute log π_ref of the start policy for the runs whose row weight needs it."""
    wanted = [i for i, batch in enumerate(batches) if batch.run.stage.row_weight != "all"]
    if not wanted:
        return {}
    start = [{k: v.to(device) for k, v in batches[i].run.start.items()} for i in wanted]
    some = rows.of(wanted)
    with torch.no_grad():
        logprob, _ = log_probabilities(stack(start), size, some)
    return dict(zip(wanted, logprob, strict=True))


def _detached(weights: Weights) -> Weights:
    return {name: value.detach() for name, value in weights.items()}
