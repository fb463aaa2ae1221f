"""Chooses the candidates that become rows, and counts what each step dropped."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from trinity_chord.data.adapter import DUPLICATE, IN_SFT, Adapter
from trinity_chord.data.candidates import Candidate, Step
from trinity_chord.data.errors import PrepareError
from trinity_chord.data.inputs import Input

FIRST_ROWS = 5  # rows listed per step
Counted = list[dict[str, Any]]  # for each step, the rows in, dropped and out


@dataclass(frozen=True)
class Pool:
    """What one source offers.

    Attributes:
        opened: The source.
        offered: The candidates that no shared step drops.
        steps: The counts of the shared steps, in order.
        counts: Further counts, by name.
        contaminated: Row and evaluation problem of each candidate that overlaps with one.
    """

    opened: Input
    offered: list[Candidate]
    steps: Counted
    counts: dict[str, int]
    contaminated: list[dict[str, Any]]


@dataclass(frozen=True)
class Drawn:
    """The rows of one set, in the order of the set.

    Attributes:
        rows: Index of the input and candidate of each row.
        available: Number of candidates to draw from.
        steps: The counts of the set's own steps, by index of the input.
    """

    rows: list[tuple[int, Candidate]]
    available: int
    steps: dict[int, Counted]


def pool(opened: Input, candidates: list[Candidate]) -> Pool:
    """Apply the shared steps to all candidates of a source."""
    steps: Counted = []
    left = candidates
    for step in filter(opened.adapter.is_on, opened.adapter.steps):
        left = _apply(steps, step, left, partial(_drops, step))
    if opened.adapter.is_on(DUPLICATE):
        first = {candidate.key: candidate for candidate in reversed(left)}
        left = _apply(steps, DUPLICATE, left, lambda c: c is not first[c.key])
    counts: Counter[str] = Counter()
    for candidate in left:
        counts.update(candidate.counts)
    path = opened.source.place.path
    contaminated = [
        {"source": path, "row": candidate.row, "overlaps_with": candidate.match}
        for candidate in candidates
        if candidate.match is not None
    ]
    return Pool(opened, left, steps, dict(sorted(counts.items())), contaminated)


def draw(pools: Sequence[Pool], limits: dict[str, int], seed: int) -> dict[str, Drawn]:
    """Draw the sets: SFT first, then RL from the remaining problems.

    The position of a candidate follows from a hash of seed, set and problem. It does not depend on
    the order, the files or the format of the source. If the adapters keep the order of their
    source, the first rows are taken.

    Args:
        pools: What each source offers.
        limits: Maximum rows of each set to make.
        seed: The seed.

    Raises:
        PrepareError: A set has no rows; the message names the step that dropped the last one.
    """
    drawn: dict[str, Drawn] = {}
    taken: set[str] = set()
    for name in ("sft", "rl"):
        if not limits.get(name):
            continue
        drawn[name] = _draw(pools, name, limits[name], seed, taken)
        taken |= {candidate.key for _, candidate in drawn[name].rows}
    return drawn


def pick(seed: int, name: str, candidate: Candidate) -> int:
    """Return the random number of a candidate: the same in every run with the same seed."""
    text = f"{seed}\0{name}\0{candidate.key}\0{candidate.turn}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _draw(pools: Sequence[Pool], name: str, count: int, seed: int, taken: set[str]) -> Drawn:
    offered: list[tuple[int, Candidate]] = []
    counted: dict[int, Counted] = {}
    for number, source in enumerate(pools):
        if name not in source.opened.sets:
            continue
        counted[number] = []
        left = source.offered
        if name == "rl":
            left = _for_rl(source.opened.adapter, left, counted[number], taken)
        offered += ((number, candidate) for candidate in left)
    if not offered:
        raise PrepareError(_nothing_left(pools, counted, name))
    if not all(pools[number].opened.adapter.keeps_order for number in counted):
        offered.sort(key=lambda item: (pick(seed, name, item[1]), item[0], item[1].row))
    return Drawn(offered[:count], len(offered), counted)


def _for_rl(
    adapter: Adapter, left: list[Candidate], counted: Counted, taken: set[str]
) -> list[Candidate]:
    for step in filter(adapter.is_on, adapter.rl_steps):
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
    lines = [f"The {name.upper()} set would have no rows."]
    for number, own in counted.items():
        where = f"source {pools[number].opened.source.place}"
        steps = [*pools[number].steps, *own]
        last = next((step for step in steps if step["dropped"] and step["out"] == 0), None)
        if last is None:
            lines.append(f"{where} offers none.")
            continue
        each = ", ".join(f"{step['step']} {step['dropped']:,}" for step in steps if step["dropped"])
        lines.append(
            f"{where}: of {steps[0]['in']:,}, the step {last['step']!r} dropped the last "
            f"{last['dropped']:,} (rows dropped per step: {each}). {_remedy(last['step'], name)}"
        )
    return " ".join(lines)


def _remedy(step: str, name: str) -> str:
    if step == IN_SFT.name:
        return "Use a smaller --sft, or --rl 0 for no RL set."
    return f"If this is unexpected, leave a step out with --without; --{name} 0 makes no such set."
