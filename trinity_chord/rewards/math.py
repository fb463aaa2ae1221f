r"""The paper's reward for math, as a reward function of Trinity-RFT."""

from __future__ import annotations

import logging
import math
from typing import Any

from trinity.common.rewards.eval_utils import validate_think_pattern
from trinity.common.rewards.reward_fn import RewardFn

from trinity_chord.errors import Problems
from trinity_chord.rewards.boxed import last_boxed
from trinity_chord.rewards.verifier import shared_verifier

logger = logging.getLogger(__name__)


class MathReward(RewardFn):
    r"""Rewards the answer in the last `\boxed{}` (arXiv 2508.11408, experiments on math).

    In YAML: `default_reward_fn_type: trinity_chord.MathReward`, with `trinity_chord.MathWorkflow`
    or Trinity's `math_boxed_workflow`. `math_verify` compares the answers in a separate process. An
    answer that makes it hang or crash counts as wrong and costs at most about five seconds and a
    new process.

    A response is formatted if it has a complete `\boxed{}` and, with `with_think`, exactly one
    `<think>` before one `</think>`. A correct answer gets `correct` in any format. A response is
    cut off without an answer if it was truncated and has no complete `\boxed{}`; only
    `trinity_chord.MathWorkflow` reports truncation to a reward function.

    Args:
        correct: Reward of a correct answer.
        wrong: Reward of a wrong answer in a formatted response.
        unformatted: Reward of a response that is neither correct nor formatted.
        truncated: Reward of a response that is cut off without an answer.

    Raises:
        ChordConfigError: A value is not a finite number, or `correct` is not the largest; all
            problems are listed.
    """

    def __init__(
        self,
        correct: float = 1.0,
        wrong: float = 0.0,
        unformatted: float = -0.1,
        truncated: float = -1.0,
    ) -> None:
        values = {"wrong": wrong, "unformatted": unformatted, "truncated": truncated}
        _check({"correct": correct} | values)
        self.correct = correct
        self.wrong = wrong
        self.unformatted = unformatted
        self.truncated = truncated

    def __call__(
        self,
        response: str | None,
        truth: str | None,
        with_think: bool = False,
        info: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> dict[str, float]:
        """Score a response.

        Args:
            response: The text of the rollout; None counts as empty.
            truth: The correct answer.
            with_think: Whether the format includes thinking.
            info: The rollout's `info`. `info["truncated"]`, if present, says whether it was cut
                off. `info["not_verified"]` is set to the reason if the answer was not compared.
            **kwargs: Other arguments of Trinity's workflows, such as `response_token`; ignored.

        Returns:
            `accuracy`, `format_score` and `truncation`. Trinity uses the sum as the reward and
            logs the mean of each.

        Raises:
            ValueError: There is no correct answer to compare with.
        """
        if truth is None or not str(truth).strip():
            raise ValueError(
                f"answer of a task: got {truth!r}, expected text; give each row an answer in the "
                "column named by the taskset's `format.response_key`"
            )
        info = {} if info is None else info
        response = response or ""
        answer = last_boxed(response)
        if answer is not None and self._is_correct(answer, str(truth), info):
            return _parts(accuracy=self.correct)
        if answer is None and info.get("truncated", False):
            return _parts(truncation=self.truncated)
        formatted = answer is not None and (not with_think or validate_think_pattern(response))
        return _parts(format_score=self.wrong if formatted else self.unformatted)

    def _is_correct(self, answer: str, truth: str, info: dict[str, Any]) -> bool:
        verdict = shared_verifier().verify(rf"\boxed{{{answer}}}", truth)
        if verdict.reason is not None:
            info["not_verified"] = verdict.reason
        if verdict.reason == "gold":
            logger.warning(
                "math_verify finds no answer in %r: every response counts as wrong", truth[:200]
            )
        return verdict.correct


def _parts(
    accuracy: float = 0.0, format_score: float = 0.0, truncation: float = 0.0
) -> dict[str, float]:
    return {"accuracy": accuracy, "format_score": format_score, "truncation": truncation}


def _check(values: dict[str, Any]) -> None:
    numbers = {
        key: value
        for key, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
    problems = Problems()
    for key, value in values.items():
        if key not in numbers:
            problems.add(f"reward_fn_args.{key}", value, "a finite number")
        elif key != "correct" and value >= numbers.get("correct", math.inf):
            problems.add(
                f"reward_fn_args.{key}", value, f"a number below `correct` ({values['correct']})"
            )
    problems.raise_if_any("MathReward")
