"""Loads the benchmark's cases from the data inside bfcl-eval."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trinity_chord.bfcl_package import Package
from trinity_chord.evaluation.bfcl.official import Official
from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.multi_turn.cases import MULTI_TURN_CATEGORIES, MultiTurnCase

# The categories of the paper, under the names that bfcl-eval gives them in version 4.
GROUPS = {
    "non_live": ("simple_python", "multiple", "parallel", "parallel_multiple"),
    "live": ("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple"),
}
CATEGORIES = tuple(category for categories in GROUPS.values() for category in categories)
ALL_CATEGORIES = (*CATEGORIES, *MULTI_TURN_CATEGORIES)


@dataclass(frozen=True)
class Case:
    """A question of the benchmark.

    Attributes:
        id: Its id, such as `live_simple_0-0-0`.
        category: One of `CATEGORIES`.
        system: The text before the tools: the leaderboard's role, and the case's own system text
            if it has one.
        messages: The question as chat messages `{"role", "content"}`, without system messages.
        functions: The available functions, each with `name`, `description` and `parameters`.
        answers: The correct calls, each `{name: {argument: [allowed values]}}`.
    """

    id: str
    category: str
    system: str
    messages: list[dict[str, str]]
    functions: list[dict[str, Any]]
    answers: list[dict[str, dict[str, list[Any]]]]

    def as_task(self) -> dict[str, str | list[dict[str, str]]]:
        """Return the case as a row of Trinity's `tool_call_workflow`, without its answer."""
        return {
            "raw_system": self.system,
            "tools": json.dumps(self.functions),
            "conversations": [
                {"from": message["role"], "value": message["content"]} for message in self.messages
            ],
        }


AnyCase = Case | MultiTurnCase


def load_cases(package: Package, official: Official) -> list[Case]:
    """Load all cases of the eight categories, in the benchmark's order.

    Args:
        package: The installed bfcl-eval.
        official: Its functions and texts.

    Raises:
        EvaluationError: The data differs from that of the supported version.
    """
    return [case for category in CATEGORIES for case in _load(package, official, category)]


def choose(
    cases: Sequence[AnyCase], categories: Collection[str], limit: int | None
) -> list[AnyCase]:
    """Select the cases of some categories.

    Args:
        cases: The cases of the benchmark.
        categories: Some of `ALL_CATEGORIES`.
        limit: Take only this many cases of each category, the first ones; None takes all.

    Raises:
        EvaluationError: A category is unknown, or none is given.
    """
    unknown = [category for category in categories if category not in ALL_CATEGORIES]
    if unknown or not categories:
        raise EvaluationError(
            f"--categories: got {', '.join(unknown) or 'none'}, expected some of "
            f"{', '.join(ALL_CATEGORIES)}"
        )
    selected = [category for category in ALL_CATEGORIES if category in categories]
    of_each = {category: [c for c in cases if c.category == category] for category in selected}
    return [case for found in of_each.values() for case in found[:limit]]


def _load(package: Package, official: Official, category: str) -> list[Case]:
    name = f"BFCL_v4_{category}.json"
    questions = official.with_hints(_read(package.data / name))
    answers = {row["id"]: row for row in _read(package.data / "possible_answer" / name)}
    unanswered = [row["id"] for row in questions if row["id"] not in answers]
    if unanswered:
        raise EvaluationError(
            f"{package.data / name}: {len(unanswered)} cases have no answer, such as "
            f"{unanswered[0]}. Reinstall bfcl-eval."
        )
    return [
        _case(row, category, answers[row["id"]]["ground_truth"], official.role) for row in questions
    ]


def _case(
    row: dict[str, Any],
    category: str,
    answers: list[dict[str, dict[str, list[Any]]]],
    role: str,
) -> Case:
    (turn,) = row["question"]
    system = [role, *(m["content"] for m in turn if m["role"] == "system")]
    return Case(
        id=row["id"],
        category=category,
        system="".join(f"{text}\n\n" for text in system),
        messages=[message for message in turn if message["role"] != "system"],
        functions=row["function"],
        answers=answers,
    )


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    except (OSError, ValueError) as error:
        raise EvaluationError(
            f"bfcl-eval's data cannot be read: {path}: {error}. Reinstall bfcl-eval."
        ) from error
