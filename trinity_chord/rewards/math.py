r"""The paper's reward for math."""

from __future__ import annotations

import logging
import math
from typing import Any

from trinity.common.rewards.eval_utils import validate_think_pattern
from trinity.common.rewards.reward_fn import RewardFn

from trinity_chord.rewards.boxed import last_boxed
from trinity_chord.rewards.verifier import shared_verifier

logger = logging.getLogger(__name__)


class MathReward(RewardFn):
    r"""Rewards the answer in the last `\boxed{}` (arXiv 2508.11408, experiments on math).

    YAML names it `default_reward_fn_type: trinity_chord.MathReward`, with
    `trinity_chord.MathWorkflow` or Trinity's `math_boxed_workflow`. `math_verify` compares the
    answer in a process of its own: one that hangs or breaks it costs at most about five seconds and
    a new process, and counts as wrong.

    An answer is formatted that has a complete `\boxed{}` and, with `with_think`, exactly one
    `<think>` before one `</think>`. A correct answer is correct in any format. Cut off without an
    answer is a response that was truncated and has no complete `\boxed{}`; only
    `trinity_chord.MathWorkflow` tells a reward function that a response was truncated.

    Args:
        correct: Reward of a correct answer.
        wrong: Of a wrong one in the right format.
        unformatted: Of a wrong one in another.
        truncated: Of a response cut off without an answer.

    Raises:
        ValueError: A value is not a finite number, or `correct` is not the greatest; all at once.
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

    def __call__(  # type: ignore[override]
        self,
        response: str | None,
        truth: str | None,
        with_think: bool = False,
        info: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> dict[str, float]:
        """Score a response.

        Args:
            response: Its text; None is empty.
            truth: The right answer.
            with_think: The format asks for thinking.
            info: Of the rollout. `info["truncated"]`, where there, says that it was cut off.
                `info["not_verified"]` is set to the reason where the answer was not compared.
            **kwargs: What else Trinity's workflows pass, such as `response_token`.

        Returns:
            `accuracy`, `format_score` and `truncation`. Trinity takes the sum as the reward, and
            logs the mean of each.

        Raises:
            ValueError: There is no right answer to compare with.
        """
        if truth is None or not str(truth).strip():
            raise ValueError(
                f"the task's answer is {truth!r}, expected a text. Give each row an answer in the "
                "column that the taskset's format.response_key names."
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
            logger.warning("math_verify finds no answer in %r: nothing equals it", truth[:200])
        return verdict.correct


def _parts(accuracy: float = 0.0, format_score: float = 0.0, truncation: float = 0.0) -> dict:
    return {"accuracy": accuracy, "format_score": format_score, "truncation": truncation}


def _check(values: dict[str, Any]) -> None:
    numbers = {
        key: value
        for key, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
    problems = [
        f"{key}: got {value!r}, expected a finite number"
        for key, value in values.items()
        if key not in numbers
    ]
    problems += [
        f"{key}: got {value}, expected a number below correct ({values['correct']})"
        for key, value in numbers.items()
        if key != "correct" and "correct" in numbers and value >= values["correct"]
    ]
    if problems:
        raise ValueError("MathReward (reward_fn_args): " + "; ".join(problems))
