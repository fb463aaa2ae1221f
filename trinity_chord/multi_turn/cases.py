"""Loads the multi-turn cases from the data inside bfcl-eval."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trinity_chord.bfcl_package import BfclError, Package

JSON = dict[str, Any]
MULTI_TURN_CATEGORIES = (
    "multi_turn_base",
    "multi_turn_miss_func",
    "multi_turn_miss_param",
    "multi_turn_long_context",
)
CLASSES = (
    *("GorillaFileSystem", "MathAPI", "MessageAPI", "TwitterAPI"),
    *("TicketAPI", "TradingBot", "TravelAPI", "VehicleControlAPI"),
)


@dataclass(frozen=True)
class MultiTurnCase:
    """A conversation of the benchmark.

    Attributes:
        id: Its id, such as `multi_turn_base_0`. Cases of the same number are variants of one
            scenario.
        category: One of `MULTI_TURN_CATEGORIES`.
        questions: The user's messages of each turn. A turn that only adds functions has none.
        functions: The functions from the start.
        added: The functions that a turn adds, by the number of the turn.
        involved_classes: The simulators.
        initial_config: Their initial state by class.
        gold: The correct calls of each turn, as Python text.
    """

    id: str
    category: str
    questions: list[list[dict[str, str]]]
    functions: list[JSON]
    added: dict[int, list[JSON]]
    involved_classes: list[str]
    initial_config: JSON
    gold: list[list[str]]

    @property
    def scenario(self) -> int:
        """The number of its scenario."""
        return int(self.id.rsplit("_", 1)[1])

    def for_simulators(self) -> JSON:
        """Return what the simulators and the checker need of it, as JSON values."""
        return {
            "id": self.id,
            "involved_classes": self.involved_classes,
            "initial_config": self.initial_config,
            "gold": self.gold,
        }


def load_multi_turn(
    package: Package, functions: Mapping[str, list[JSON]]
) -> dict[str, MultiTurnCase]:
    """Return all cases by id, in the benchmark's order.

    Args:
        package: The installed bfcl-eval.
        functions: The functions of each simulator.

    Raises:
        BfclError: The data differs from that of the supported version.
    """
    found: dict[str, MultiTurnCase] = {}
    for category in MULTI_TURN_CATEGORIES:
        name = f"BFCL_v4_{category}.json"
        answers = {row["id"]: row for row in _read(package.data / "possible_answer" / name)}
        for row in _read(package.data / name):
            try:
                gold = answers[row["id"]]["ground_truth"]
                found[row["id"]] = _case(row, category, functions, gold)
            except (KeyError, TypeError) as error:
                raise BfclError(
                    f"{package.data / name}: case {row.get('id')!r} lacks {error}. Reinstall "
                    "bfcl-eval."
                ) from error
    return found


def _case(
    row: JSON, category: str, functions: Mapping[str, list[JSON]], gold: list[list[str]]
) -> MultiTurnCase:
    offered = [function for name in row["involved_classes"] for function in functions[name]]
    missed = {int(turn): names for turn, names in row.get("missed_function", {}).items()}
    held_back = {name for names in missed.values() for name in names}
    return MultiTurnCase(
        id=row["id"],
        category=category,
        questions=row["question"],
        functions=[function for function in offered if function["name"] not in held_back],
        added={
            turn: [function for name in names for function in offered if function["name"] == name]
            for turn, names in missed.items()
        },
        involved_classes=row["involved_classes"],
        initial_config=row["initial_config"],
        gold=gold,
    )


def _read(path: Path) -> list[JSON]:
    try:
        with path.open(encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    except (OSError, ValueError) as error:
        raise BfclError(f"bfcl-eval's data: {path}: {error}. Reinstall bfcl-eval.") from error
