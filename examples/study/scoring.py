"""What is measured of a policy: accuracy, losses, entropy, length, distance to the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from examples.study.cells import problems
from examples.study.policy import (
    END,
    Sampled,
    Size,
    Weights,
    chat_prompt,
    decode,
    encode,
    log_probabilities,
    pad_rows,
    sample,
    stack,
)
from examples.study.tasks import CORRECT, Problem, Task

if TYPE_CHECKING:
    from examples.study.loop import Run

CHUNK = 100
SAMPLING_SEED = 20_261_126


class Scorer:
    """Measures runs of one task."""

    def __init__(self, task: Task, size: Size, device: torch.device) -> None:
        self.task, self.size, self.device = task, size, device

    def points(self, runs: Sequence[Run], step: int) -> list[dict[str, float]]:
        """Measure runs on the validation problems.

        Returns:
            For each run: ``greedy``, the accuracy of the most probable answers;
            ``validation_loss`` (nats per token of the expert's answers); and of one sampled
            answer per problem ``accuracy``, ``entropy`` (nats per token), ``length`` (tokens)
            and ``kl``, an estimate of KL(π ‖ start) in nats per token.
        """
        if not runs:
            return []
        weights = stack([_detached(run.weights) for run in runs])
        sets = [problems(run.cell.task, run.cell.task_seed).validation for run in runs]
        greedy = self._accuracy(weights, sets, None)
        rows = pad_rows([[self._expert_row(p) for p in chosen] for chosen in sets], self.device)
        with torch.no_grad():
            logprob, _ = log_probabilities(weights, self.size, rows)
        losses = -_mean(logprob, rows.response)
        sampled = self._sampled(weights, runs, sets, step)
        return [
            {"greedy": greedy[i], "validation_loss": losses[i].item(), **sampled[i]}
            for i in range(len(runs))
        ]

    def finals(self, runs: Sequence[Run]) -> list[dict[str, Any]]:
        """Measure finished runs on the test and the out-of-range problems.

        Returns:
            For each run ``test`` and ``far``, the accuracy of one sampled answer per problem, and
            ``test_greedy`` and ``far_greedy``, that of the most probable answers.
        """
        weights = stack([_detached(run.weights) for run in runs])
        data = [problems(run.cell.task, run.cell.task_seed) for run in runs]
        found: list[dict[str, Any]] = [{} for _ in runs]
        for name in ("test", "far"):
            sets = [getattr(each, name) for each in data]
            for mode, seed in (("", SAMPLING_SEED), ("_greedy", None)):
                for one, accuracy in zip(found, self._accuracy(weights, sets, seed), strict=True):
                    one[name + mode] = accuracy
        return found

    def _accuracy(
        self, weights: Weights, sets: Sequence[list[Problem]], seed: int | None
    ) -> list[float]:
        right = [0] * len(sets)
        for first in range(0, len(sets[0]), CHUNK):
            part = [chosen[first : first + CHUNK] for chosen in sets]
            seeds = None if seed is None else [seed + first] * len(sets)
            answers = sample(weights, self.size, self._prompts(part), self.task.max_tokens, seeds)
            for i, (chosen, given) in enumerate(zip(part, answers, strict=True)):
                right[i] += self._count_right(chosen, given)
        return [count / len(chosen) for count, chosen in zip(right, sets, strict=True)]

    def _count_right(self, chosen: Sequence[Problem], given: Sequence[Sampled]) -> int:
        texts = [decode(each.tokens, self.task.characters) for each in given]
        rewards = [
            self.task.reward(problem, text, each.ended)
            for problem, text, each in zip(chosen, texts, given, strict=True)
        ]
        return rewards.count(CORRECT)

    def _sampled(
        self, weights: Weights, runs: Sequence[Run], sets: Sequence[list[Problem]], step: int
    ) -> list[dict[str, float]]:
        prompts = self._prompts(sets)
        seeds = [SAMPLING_SEED + step] * len(runs)
        answers = sample(weights, self.size, prompts, self.task.max_tokens, seeds)
        rows = pad_rows(
            [
                [(p, a.tokens) for p, a in zip(asked, given, strict=True)]
                for asked, given in zip(prompts, answers, strict=True)
            ],
            self.device,
        )
        start = stack([{k: v.to(self.device) for k, v in run.start.items()} for run in runs])
        with torch.no_grad():
            logprob, entropy = log_probabilities(weights, self.size, rows)
            before, _ = log_probabilities(start, self.size, rows)
        kl, entropy = _mean(logprob - before, rows.response), _mean(entropy, rows.response)
        length = rows.response.sum((1, 2)) / rows.response.shape[1]
        return [
            {
                "accuracy": self._count_right(sets[i], answers[i]) / len(sets[i]),
                "entropy": entropy[i].item(),
                "length": length[i].item(),
                "kl": kl[i].item(),
            }
            for i in range(len(runs))
        ]

    def _prompts(self, sets: Sequence[list[Problem]]) -> list[list[list[int]]]:
        return [[chat_prompt(p.prompt, self.task.characters) for p in chosen] for chosen in sets]

    def _expert_row(self, problem: Problem) -> tuple[list[int], list[int]]:
        characters = self.task.characters
        return chat_prompt(problem.prompt, characters), [*encode(problem.worked, characters), END]


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask, values, 0.0).sum((1, 2)) / mask.sum((1, 2))


def _detached(weights: Weights) -> Weights:
    return {name: value.detach() for name, value in weights.items()}
