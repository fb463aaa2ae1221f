"""The training loop of the study: L = (1-μ)·L_GRPO + μ·L_SFT on `trinity_chord.objective`.

A step samples rollouts, draws expert rows, and takes the gradient of the whole batch.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from transformers import Qwen2ForCausalLM

from examples.study.cells import Cell, expert_answers, problems
from examples.study.methods import Stage
from examples.study.mix_chord import mix_chord_loss
from examples.study.policy import (
    Response,
    Row,
    chat_prompt,
    chat_row,
    decode,
    sample,
    score_rows,
)
from examples.study.registry import make_task
from examples.study.scoring import curve_point, final_scores
from examples.study.starts import load_start
from examples.study.tasks import Problem, Task
from trinity_chord.objective import (
    BatchFigures,
    MuRule,
    chord_loss,
    clipped_policy_gradient,
    prompt_rewards,
)

PROMPTS, REPEATS, EXPERT_ROWS = 6, 8, 12
ROWS = PROMPTS * REPEATS + EXPERT_ROWS
EVALUATE_EVERY, WARMUP_STEPS = 10, 10
CLIP_NORM, ADVANTAGE_EPSILON = 1.0, 1e-6


class Sampler:
    """Draws the prompts and the expert answers of the batches of a cell."""

    def __init__(self, cell: Cell) -> None:
        rng = random.Random(f"{cell.seed} {cell.task_seed}")
        self._answers = expert_answers(cell)
        self._prompts = problems(cell.task, cell.task_seed).train
        self._expert_order = _endless(len(self._answers), random.Random(rng.random()))
        self._prompt_order = _endless(len(self._prompts), random.Random(rng.random()))
        self._rng = rng

    def draw(self, stage: Stage) -> tuple[list[Problem], list[tuple[Problem, str]]]:
        """Return the problems to explore and the expert answers of the next batch of a stage."""
        if stage.gate != "all":
            paired = self._experts(PROMPTS)
            return [problem for problem, _ in paired], paired
        if not stage.rollouts:
            return [], self._experts(ROWS)
        prompts = [self._prompts[next(self._prompt_order)] for _ in range(PROMPTS)]
        return prompts, self._experts(EXPERT_ROWS if stage.experts else 0)

    def seed(self) -> int:
        """Return the seed of the next rollouts."""
        return self._rng.getrandbits(62)

    def _experts(self, count: int) -> list[tuple[Problem, str]]:
        return [self._answers[next(self._expert_order)] for _ in range(count)]


def _endless(n: int, rng: random.Random) -> Iterator[int]:
    while True:
        yield from rng.sample(range(n), n)


@dataclass
class Batch:
    """A train batch.

    Attributes:
        problems: The problem of each group of rollouts.
        rollouts: `REPEATS` rollouts of each problem.
        experts: The expert answers.
        rewards: The reward of each rollout.
        mu: μ.
        is_open: Whether each row counts, rollouts first; None if all do.
    """

    problems: list[Problem]
    rollouts: list[Response]
    experts: list[tuple[Problem, str]]
    rewards: Tensor
    mu: float
    is_open: Tensor | None = None

    def advantages(self) -> Tensor:
        """Return A = (R - mean) / (std + ε) of each rollout in its group (CHORD eq. 2)."""
        if not self.rollouts:
            return self.rewards
        groups = self.rewards.reshape(-1, REPEATS)
        spread = groups.std(-1, keepdim=True) + ADVANTAGE_EPSILON
        return ((groups - groups.mean(-1, keepdim=True)) / spread).flatten()


def collect(
    task: Task, policy: Qwen2ForCausalLM, stage: Stage, rule: MuRule, step: int, sampler: Sampler
) -> Batch:
    """Sample the rollouts of a batch, score them, and decide μ and which rows count.

    Args:
        task: The task.
        policy: The policy.
        stage: The stage of the method.
        rule: Its μ rule.
        step: The step of the stage, from 1.
        sampler: Draws prompts and expert answers.
    """
    asked, experts = sampler.draw(stage)
    if not asked:
        return Batch([], [], experts, torch.zeros(0), mu=1.0)
    prompts = [chat_prompt(p.prompt, task.characters) for p in asked for _ in range(REPEATS)]
    rollouts = sample(policy, prompts, task.max_tokens, sampler.seed())
    rewards = torch.tensor(
        [
            task.reward(asked[i // REPEATS], decode(each.tokens, task.characters), each.ended)
            for i, each in enumerate(rollouts)
        ]
    )
    mu = rule.next(step, BatchFigures(rewards=tuple(rewards.tolist())))
    batch = Batch(asked, rollouts, experts, rewards, mu)
    if stage.gate != "all":
        group = torch.arange(len(asked)).repeat_interleave(REPEATS)
        opened = stage.bound_gate()(prompt_rewards(rewards, group, len(asked)))
        batch.is_open = torch.cat([opened.on_policy[group], opened.expert])
    return batch


def batch_rows(task: Task, batch: Batch) -> tuple[list[Row], list[Row]]:
    """Return the tokens of the rollouts and of the expert answers."""
    asked = [chat_prompt(problem.prompt, task.characters) for problem in batch.problems]
    own = [(asked[i // REPEATS], each.tokens) for i, each in enumerate(batch.rollouts)]
    return own, [chat_row(p.prompt, answer, task.characters) for p, answer in batch.experts]


@dataclass
class Tensors:
    """The tensors of a batch as the loss takes them, rollouts first, shape [N, T] or [N]."""

    logprob: Tensor
    old_logprob: Tensor
    advantages: Tensor
    mask: Tensor
    expert: Tensor


def batch_tensors(
    policy: Qwen2ForCausalLM, batch: Batch, own: list[Row], experts: list[Row]
) -> Tensors:
    """Compute log π of a batch; rollouts and expert answers differ in length, so each is padded."""
    parts = [score_rows(policy, rows) for rows in (own, experts) if rows]
    logprob, mask = (_joined([getattr(p, name) for p in parts]) for name in ("logprob", "response"))
    expert = torch.arange(len(mask), device=mask.device) >= len(own)
    old, advantages = (
        torch.zeros_like(mask, dtype=logprob.dtype),
        torch.zeros_like(expert, dtype=logprob.dtype),
    )
    sampled = [value for each in batch.rollouts for value in each.logprobs]
    old[mask & ~expert[:, None]] = torch.tensor(sampled).to(old)
    advantages[: len(own)] = batch.advantages().to(old)
    return Tensors(logprob, old, advantages[:, None].expand_as(old), mask, expert)


def _joined(parts: Sequence[Tensor]) -> Tensor:
    width = max(part.shape[-1] for part in parts)
    return torch.cat([F.pad(part, (0, width - part.shape[-1])) for part in parts])


def batch_loss(
    cell: Cell, stage: Stage, batch: Batch, given: Tensors, reference: Tensor | None
) -> Tensor:
    """Compute the loss of a whole batch; ``reference`` is log π of the start policy, [N, T]."""
    tensors = (given.logprob, given.old_logprob, given.advantages, given.mask, given.expert)
    if cell.scaling == "mix_chord":
        return mix_chord_loss(*tensors, mu=batch.mu, token_weight=stage.weight())
    return chord_loss(
        *tensors,
        mu=batch.mu,
        token_weight=stage.weight(),
        row_weight=stage.row_weight,
        is_open=batch.is_open,
        **({} if reference is None else {"ref_logprob": reference}),
    )


def batch_figures(stage: Stage, batch: Batch, given: Tensors) -> dict[str, float]:
    """Return what is noted of a batch at its last update."""
    figures = {"mu": batch.mu}
    logprob, on_expert = given.logprob.detach(), given.mask & given.expert[:, None]
    if batch.rollouts:
        at = given.mask & ~given.expert[:, None]
        policy = clipped_policy_gradient(logprob[at], given.old_logprob[at], given.advantages[at])
        figures["clip_share"] = float(policy.clipped.mean())
        figures["reward"] = float(batch.rewards.mean())
        figures["truncated"] = sum(not each.ended for each in batch.rollouts) / len(batch.rollouts)
    if batch.experts:
        figures["expert_p"] = float(logprob[on_expert].exp().mean())
        figures["expert_weight"] = float(stage.weight()(logprob[on_expert]).mean())
    return figures


@dataclass
class Record:
    """What a run has shown so far."""

    curve: list[dict[str, float]] = field(default_factory=list)
    figures: list[dict[str, float]] = field(default_factory=list)
    sampled: int = 0
    expert: int = 0

    def note(self, batch: Batch, figures: dict[str, float]) -> None:
        """Add a batch: its figures and its tokens."""
        self.figures.append(figures)
        self.sampled += sum(len(each.tokens) for each in batch.rollouts)
        self.expert += sum(len(answer) + 1 for _, answer in batch.experts)

    def add_point(self, step: int, point: dict[str, float]) -> None:
        """Add a point to the curve, with the means of the figures since the last."""
        names = sorted({name for each in self.figures for name in each})
        values = {name: [each[name] for each in self.figures if name in each] for name in names}
        means = {name: sum(found) / len(found) for name, found in values.items()}
        tokens = {"sampled": self.sampled, "expert": self.expert}
        self.curve.append({"step": step, **point, **means, **tokens})
        self.figures = []


def train(cell: Cell, device: torch.device) -> dict[str, Any]:
    """Train one cell and return its record."""
    task, data = make_task(cell.task), problems(cell.task, cell.task_seed)
    policy, start = (load_start(cell.task, cell.start, cell.size).to(device) for _ in range(2))
    sampler, record, began = Sampler(cell), Record(), time.process_time()
    record.add_point(0, curve_point(task, data, policy, start, 0))
    first = 0
    for stage in cell.stages:
        last = min(first + round(stage.share * cell.steps), cell.steps)
        _train_stage(cell, stage, range(first, last), policy, start, sampler, record)
        first = last
    return {
        "cell": asdict(cell),
        "curve": record.curve,
        # The tuning does not see the test problems.
        **({} if cell.part == "tuning" else final_scores(task, data, policy)),
        "seconds": time.process_time() - began,
    }


def _train_stage(
    cell: Cell, stage: Stage, steps: range, policy: Qwen2ForCausalLM,
    start: Qwen2ForCausalLM, sampler: Sampler, record: Record,
) -> None:  # fmt: skip
    """Train the steps of one stage; it has its own optimizer and learning-rate schedule."""
    task, data = make_task(cell.task), problems(cell.task, cell.task_seed)
    optimizer, rule = torch.optim.Adam(policy.parameters()), stage.mu_rule()
    best, kept = float("inf"), {}
    for done, step in enumerate(steps):
        left = 1.0 - done / len(steps) if cell.decay else 1.0
        warm = min(1.0, (done + 1) / WARMUP_STEPS)
        optimizer.param_groups[0]["lr"] = cell.rate * stage.rate_factor * warm * left
        batch = collect(task, policy, stage, rule, done + 1, sampler)
        own, experts = batch_rows(task, batch)
        reference = None
        if stage.row_weight != "all":
            with torch.no_grad():
                reference = batch_tensors(start, batch, own, experts).logprob
        for _ in range(cell.updates):
            given = batch_tensors(policy, batch, own, experts)
            optimizer.zero_grad()
            batch_loss(cell, stage, batch, given, reference).backward()
            torch.nn.utils.clip_grad_norm_(policy.parameters(), CLIP_NORM)
            optimizer.step()
        record.note(batch, batch_figures(stage, batch, given))
        if (step + 1) % EVALUATE_EVERY == 0 or step + 1 == steps.stop:
            point = curve_point(task, data, policy, start, step + 1)
            record.add_point(step + 1, point)
            if stage.best and point["validation_loss"] < best:
                best, kept = point["validation_loss"], _copy(policy)
    if kept:
        policy.load_state_dict(kept)


def _copy(policy: Qwen2ForCausalLM) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in policy.state_dict().items()}
