"""Fixed μ rules: frozen dataclasses that map the training step, from 1, to μ in [0, 1]."""

from __future__ import annotations

import math
from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from trinity_chord.objective.mu_rules import BatchFigures, MuRule, mu_rule
from trinity_chord.objective.ranges import FRACTION, STEPS, Domain, domain_problems


class MuSchedule(MuRule):
    """A μ rule that depends on the step only: ``schedule(step)`` is μ."""

    @abstractmethod
    def __call__(self, step: int) -> float:
        """Return μ of a step, in [0, 1]."""

    def next(self, step: int, figures: BatchFigures) -> float:
        """Return μ of a step, whatever the batch."""
        return self(step)


@mu_rule(
    "constant", formula="μ(s) = value", source="CHORD-φ (arXiv 2508.11408): 0.1", value=FRACTION
)
@dataclass(frozen=True)
class Constant(MuSchedule):
    """The same μ at every step (CHORD-φ: 0.1)."""

    value: float = 0.1

    def __call__(self, step: int) -> float:
        """Return μ of a step."""
        return self.value


@mu_rule(
    "linear",
    formula="s/W · peak for s < W; valley + (peak - valley)·(1 - (s-W)/D) for W ≤ s < W+D; valley",
    source="this package: a simple alternative to CHORD's cosine",
    warmup_steps=STEPS,
    decay_steps=STEPS,
    peak=FRACTION,
    valley=FRACTION,
)
@dataclass(frozen=True)
class Linear(MuSchedule):
    """A linear warm-up from 0 to ``peak``, then a straight line from ``peak`` to ``valley``.

    With W = ``warmup_steps`` and D = ``decay_steps``::

        μ(s) = s/W · peak                                             s < W
        μ(s) = valley + (peak - valley)·(1 - (s-W)/D)                 W ≤ s < W+D
        μ(s) = valley                                                 s ≥ W+D
    """

    warmup_steps: int = 0
    decay_steps: int = 200
    peak: float = 0.9
    valley: float = 0.05

    def __call__(self, step: int) -> float:
        """Return μ of a step."""
        if step < self.warmup_steps:
            return step / self.warmup_steps * self.peak
        return _decayed(step - self.warmup_steps, self, _line)


@mu_rule(
    "cosine",
    formula="valley + (peak - valley)·(1 + cos(πs/D))/2 for s < D; valley",
    source="CHORD-μ (arXiv 2508.11408) for math: 0.9 → 0.05 over 200 steps",
    decay_steps=STEPS,
    peak=FRACTION,
    valley=FRACTION,
)
@dataclass(frozen=True)
class Cosine(MuSchedule):
    """A cosine from ``peak`` to ``valley`` over D = ``decay_steps``: `WarmupCosine`, W = 0."""

    decay_steps: int = 200
    peak: float = 0.9
    valley: float = 0.05

    def __call__(self, step: int) -> float:
        """Return μ of a step."""
        return _decayed(step, self, _cosine)


@mu_rule(
    "warmup_cosine",
    formula=(
        "s/W · peak for s < W; valley + (peak - valley)·(1 + cos(π(s-W)/D))/2 for W ≤ s < W+D; "
        "valley"
    ),
    source="the public schedule of CHORD (arXiv 2508.11408), Trinity-RFT's mix_chord",
    warmup_steps=STEPS,
    decay_steps=STEPS,
    peak=FRACTION,
    valley=FRACTION,
)
@dataclass(frozen=True)
class WarmupCosine(MuSchedule):
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
        """Return μ of a step."""
        if step < self.warmup_steps:
            return step / self.warmup_steps * self.peak
        return _decayed(step - self.warmup_steps, self, _cosine)


class Points(Domain):
    """Lists of [step, μ] with increasing steps."""

    def problem(self, name: str, value: Any) -> str | None:
        """Return what is wrong with ``value`` as the argument ``name``, or None."""
        if not _is_list(value) or not value:
            return f"{name}: got {value!r}, expected {self}"
        problems = []
        for i, point in enumerate(value):
            if not _is_list(point) or len(point) != 2:
                problems.append(f"{name}[{i}]: got {point!r}, expected [step, μ]")
            else:
                accepts = {f"{name}[{i}][0]": STEPS, f"{name}[{i}][1]": FRACTION}
                problems += domain_problems(accepts, dict(zip(accepts, point, strict=True)))
        return "; ".join(problems) or self._order_problem(name, [point[0] for point in value])

    def _order_problem(self, name: str, steps: list[float]) -> str | None:
        if all(before < after for before, after in pairwise(steps)):
            return None
        return f"{name}: got the steps {steps}, expected each one to be above the one before"

    def __str__(self) -> str:
        return "a list of [step, μ]"


@mu_rule(
    "piecewise",
    formula="straight lines through the points (sᵢ, μᵢ); constant before the first, after the last",
    source="this package: for a schedule read off a plot",
    points=Points(),
)
@dataclass(frozen=True)
class Piecewise(MuSchedule):
    """Straight lines through ``points``, a list of [step, μ] with increasing steps.

    Before the first point, μ is that of the first point; after the last, that of the last::

        μ(s) = μᵢ + (μᵢ₊₁ - μᵢ)·(s - sᵢ)/(sᵢ₊₁ - sᵢ)                  sᵢ ≤ s < sᵢ₊₁
    """

    points: Sequence[Sequence[float]]

    def __call__(self, step: int) -> float:
        """Return μ of a step."""
        after = bisect_right([point[0] for point in self.points], step)
        if after in (0, len(self.points)):
            return self.points[max(after - 1, 0)][1]
        (start, before), (end, then) = self.points[after - 1], self.points[after]
        return before + (then - before) * (step - start) / (end - start)


def _decayed(
    step: int, schedule: Linear | Cosine | WarmupCosine, remaining: Callable[[float], float]
) -> float:
    """Return μ at a step of the decay; ``remaining`` maps the progress to the rest of the drop."""
    if step >= schedule.decay_steps:
        return schedule.valley
    drop = schedule.peak - schedule.valley
    return schedule.valley + drop * remaining(step / schedule.decay_steps)


def _line(progress: float) -> float:
    return 1.0 - progress


def _cosine(progress: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * progress))


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
