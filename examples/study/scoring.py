"""What is measured of a policy: accuracy, losses, entropy, length, distance to the start."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import Qwen2ForCausalLM

from examples.study.cells import Data
from examples.study.policy import Response, chat_prompt, chat_row, decode, sample, score_rows
from examples.study.tasks import CORRECT, Problem, Task

CHUNK = 100
SEED = 20_261_126


def curve_point(
    task: Task, data: Data, policy: Qwen2ForCausalLM, start: Qwen2ForCausalLM, step: int
) -> dict[str, float]:
    """Measure a policy on the validation problems.

    Returns:
        ``validation_loss`` (nats per token of the expert's answers); and of one answer per problem,
        sampled at temperature 1, ``accuracy``, ``entropy`` (nats per token), ``length`` (tokens)
        and ``kl``, an estimate of KL(π ‖ start) in nats per token.
    """
    prompts = _prompts(task, data.validation)
    answers = sample(policy, prompts, task.max_tokens, SEED + step)
    rows = list(zip(prompts, (answer.tokens for answer in answers), strict=True))
    expert = [chat_row(each.prompt, each.worked, task.characters) for each in data.validation]
    with torch.no_grad():
        own, before = score_rows(policy, rows), score_rows(start, rows)
        imitation = score_rows(policy, expert)
    return {
        "accuracy": _share_right(task, data.validation, answers),
        "validation_loss": -imitation.mean(imitation.logprob),
        "entropy": own.mean(own.entropy),
        "kl": own.mean(own.logprob - before.logprob),
        "length": float(own.response.sum(-1).float().mean()),
    }


def final_scores(task: Task, data: Data, policy: Qwen2ForCausalLM) -> dict[str, float]:
    """Measure a trained policy on the test and the out-of-range problems.

    Returns:
        ``test`` and ``far``, the accuracy of one answer per problem, sampled at temperature 1, and
        ``test_greedy``, that of the most probable answers.
    """
    return {
        "test": accuracy(task, data.test, policy, SEED),
        "test_greedy": accuracy(task, data.test, policy, None),
        "far": accuracy(task, data.far, policy, SEED),
    }


def accuracy(
    task: Task, problems: Sequence[Problem], policy: Qwen2ForCausalLM, seed: int | None
) -> float:
    """Return the share of problems answered right: sampled, or greedy if there is no seed."""
    answers: list[Response] = []
    for first in range(0, len(problems), CHUNK):
        prompts = _prompts(task, problems[first : first + CHUNK])
        chunk_seed = None if seed is None else seed + first
        answers += sample(policy, prompts, task.max_tokens, chunk_seed)
    return _share_right(task, problems, answers)


def _prompts(task: Task, problems: Sequence[Problem]) -> list[list[int]]:
    return [chat_prompt(problem.prompt, task.characters) for problem in problems]


def _share_right(task: Task, problems: Sequence[Problem], answers: Sequence[Response]) -> float:
    rewards = [
        task.reward(problem, decode(answer.tokens, task.characters), answer.ended)
        for problem, answer in zip(problems, answers, strict=True)
    ]
    return rewards.count(CORRECT) / len(rewards)
