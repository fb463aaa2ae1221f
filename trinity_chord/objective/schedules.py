"""μ schedules: how much imitation there is at a step.

μ is the weight of the expert term in L = (1-μ)·L_GRPO + μ·L_SFT (CHORD, arXiv 2508.11408,
eq. 3). A schedule is a frozen dataclass that maps the 1-based training step to μ in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

MuSchedule = Callable[[int], float]


@dataclass(frozen=True)
class Constant:
    """The same μ at every step (CHORD-φ: 0.1)."""

    value: float = 0.1

    def __call__(self, step: int) -> float:
        return self.value

    def problems(self) -> list[str]:
        """Lists what is wrong with the arguments, an empty list where nothing is."""
        return _not_a_share("value", self.value)


@dataclass(frozen=True)
class WarmupCosine:
    """A linear warm-up from 0 to ``peak``, a cosine from ``peak`` to ``valley``, then ``valley``.

    With W = ``warmup_steps`` and D = ``decay_steps`` (CHORD's public schedule)::

        μ(s) = s/W · peak                                             s < W
        μ(s) = valley + (peak - valley)·(1 + cos(π(s-W)/D))/2         W ≤ s < W+D
        μ(s) = valley                                                 s ≥ W+D
    """

    warmup_steps: int = 0
    decay_steps: int = 0
    peak: float = 0.1
    valley: float = 0.1

    def __call__(self, step: int) -> float:
        if step < self.warmup_steps:
            return step / self.warmup_steps * self.peak
        if step >= self.warmup_steps + self.decay_steps:
            return self.valley
        progress = (step - self.warmup_steps) / self.decay_steps
        return self.valley + (self.peak - self.valley) * 0.5 * (1 + math.cos(math.pi * progress))

    def problems(self) -> list[str]:
        """Lists what is wrong with the arguments, an empty list where nothing is."""
        return (
            _not_a_count("warmup_steps", self.warmup_steps)
            + _not_a_count("decay_steps", self.decay_steps)
            + _not_a_share("peak", self.peak)
            + _not_a_share("valley", self.valley)
        )


SCHEDULES: dict[str, type] = {"constant": Constant, "warmup_cosine": WarmupCosine}


def get_schedule(name: str, **arguments: Any) -> MuSchedule:
    """Builds the μ schedule ``name``.

    Raises:
        ValueError: The name is unknown, an argument belongs to no field of the schedule, or a
            value is out of its range; all the problems of one call are in one message.
    """
    if name not in SCHEDULES:
        near = get_close_matches(str(name), SCHEDULES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown μ schedule {name!r}: known are {sorted(SCHEDULES)}{hint}")
    schedule = SCHEDULES[name]
    known = [f.name for f in fields(schedule)]
    foreign = sorted(set(arguments) - set(known))
    if foreign:
        raise ValueError(f"μ schedule {name!r} takes {known}, not {foreign}")
    built = schedule(**arguments)
    problems = built.problems()
    if problems:
        raise ValueError(f"μ schedule {name!r}: " + "; ".join(problems))
    return built


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _not_a_share(name: str, value: Any) -> list[str]:
    if _is_number(value) and 0.0 <= value <= 1.0:
        return []
    return [f"{name} is {value!r}, wanted a number in [0, 1]"]


def _not_a_count(name: str, value: Any) -> list[str]:
    if _is_number(value) and value >= 0 and float(value).is_integer():
        return []
    return [f"{name} is {value!r}, wanted a whole number of steps, 0 or more"]
