"""Which candidates become rows, and the count of what each step dropped."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from trinity_chord.data.candidates import Candidate, Step
from trinity_chord.data.errors import PrepareError
from trinity_chord.data.inputs import Input
from trinity_chord.data.recipe import DUPLICATE, IN_SFT, Recipe

FIRST_ROWS = 5  # Rows named for each step.
Counted = list[dict[str, Any]]  # What each step took in, dropped and left.


@dataclass(frozen=True)
class Pool:
    """What one source offers.

    Attributes:
        chosen: The source.
        offered: The candidates that no shared step drops.
        steps: The counts of the shared steps, in their order.
        counts: What was counted beside the steps.
        contaminated: Row and evaluation problem of each candidate that overlaps with one.
    """

    chosen: Input
    offered: list[Candidate]
    steps: Counted
    counts: dict[str, int]
    contaminated: list[dict[str, Any]]


@dataclass(frozen=True)
class Drawn:
    """The rows of one set, in the order of the set.

    Attributes:
        rows: The input's number and the candidate of each.
        available: How many there were to draw from.
        steps: The counts of the set's own steps, by input.
    """

    rows: list[tuple[int, Candidate]]
    available: int
    steps: dict[int, Counted]


def pool(chosen: Input, candidates: list[Candidate]) -> Pool:
    """Applies the shared steps to all candidates of a source."""
    steps: Counted = []
    left = candidates
    for step in filter(chosen.recipe.is_on, chosen.recipe.steps):
        left = _apply(steps, step, left, partial(_drops, step))
    if chosen.recipe.is_on(DUPLICATE):
        first = {candidate.key: candidate for candidate in reversed(left)}
        left = _apply(steps, DUPLICATE, left, lambda c: c is not first[c.key])
    counts: Counter[str] = Counter()
    for candidate in left:
        counts.update(candidate.counts)
    path = chosen.source.place.path
    contaminated = [
        {"source": path, "row": candidate.row, "overlaps_with": candidate.match}
        for candidate in candidates
        if candidate.match is not None
    ]
    return Pool(chosen, left, steps, dict(sorted(counts.items())), contaminated)


def draw(pools: Sequence[Pool], wanted: dict[str, int], seed: int) -> dict[str, Drawn]:
    """Draws the sets: SFT first, then RL from the problems that are not in it.

    The place of a candidate is decided by a hash of seed, set and problem: it does not depend on
    the order, the cut or the format of the source. Where a recipe keeps the order of its source,
    the first rows are taken.

    Args:
        pools: What each source offers.
        wanted: The most rows of each set, of those with any.
        seed: The seed.

    Raises:
        PrepareError: A set has no row; the step that dropped the last one is named.
    """
    drawn: dict[str, Drawn] = {}
    taken: set[str] = set()
    for name in ("sft", "rl"):
        if not wanted.get(name):
            continue
        drawn[name] = _draw(pools, name, wanted[name], seed, taken)
        taken |= {candidate.key for _, candidate in drawn[name].rows}
    return drawn


def pick(seed: int, name: str, candidate: Candidate) -> int:
    """Returns a random number of a candidate: the same in each run with the same seed."""
    text = f"{seed}\0{name}\0{candidate.key}\0{candidate.turn}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _draw(pools: Sequence[Pool], name: str, count: int, seed: int, taken: set[str]) -> Drawn:
    offered: list[tuple[int, Candidate]] = []
    counted: dict[int, Counted] = {}
    for number, source in enumerate(pools):
        if name not in source.chosen.sets:
            continue
        counted[number] = []
        left = source.offered
        if name == "rl":
            left = _for_rl(source.chosen.recipe, left, counted[number], taken)
        offered += ((number, candidate) for candidate in left)
    if not offered:
        raise PrepareError(_nothing_left(pools, counted, name))
    if not all(pools[number].chosen.recipe.keeps_order for number in counted):
        offered.sort(key=lambda item: (pick(seed, name, item[1]), item[0], item[1].row))
    return Drawn(offered[:count], len(offered), counted)


def _for_rl(
    recipe: Recipe, left: list[Candidate], counted: Counted, taken: set[str]
) -> list[Candidate]:
    for step in filter(recipe.is_on, recipe.rl_steps):
        left = _apply(counted, step, left, partial(_drops_from_rl, step))
    return _apply(counted, IN_SFT, left, lambda c: c.key in taken)


def _drops(step: Step, candidate: Candidate) -> bool:
    return candidate.dropped == step.name


def _drops_from_rl(step: Step, candidate: Candidate) -> bool:
    return candidate.dropped_from_rl == step.name


def _apply(
    counted: Counted,
    step: Step,
    candidates: Iterable[Candidate],
    drops: Callable[[Candidate], bool],
) -> list[Candidate]:
    kept: list[Candidate] = []
    dropped: list[Candidate] = []
    for candidate in candidates:
        (dropped if drops(candidate) else kept).append(candidate)
    counted.append(
        {
            "step": step.name,
            "in": len(kept) + len(dropped),
            "dropped": len(dropped),
            "out": len(kept),
            "first_rows_dropped": [candidate.row for candidate in dropped[:FIRST_ROWS]],
        }
    )
    return kept


def _nothing_left(pools: Sequence[Pool], counted: dict[int, Counted], name: str) -> str:
    lines = [f"no row is left for the {name.upper()} set."]
    for number, own in counted.items():
        where = f"source {pools[number].chosen.source.place}"
        steps = [*pools[number].steps, *own]
        last = next((step for step in steps if step["dropped"] and step["out"] == 0), None)
        if last is None:
            lines.append(f"{where} has nothing to take.")
            continue
        each = ", ".join(f"{step['step']} {step['dropped']:,}" for step in steps if step["dropped"])
        lines.append(
            f"{where}: of {steps[0]['in']:,} the step {last['step']!r} dropped the last "
            f"{last['dropped']:,} (dropped by each step: {each}). {_remedy(last['step'], name)}"
        )
    return " ".join(lines)


def _remedy(step: str, name: str) -> str:
    if step == IN_SFT.name:
        return "Ask for fewer rows with --sft, or for no RL set with --rl 0."
    return f"If that is not expected, --without may leave a step out; --{name} 0 makes no such set."
