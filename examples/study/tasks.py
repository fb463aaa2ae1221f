"""The tasks of the study: problems, two styles of answers, and the score.

Problems come from the generators of reasoning-gym and from `tools`, and are judged by
reasoning-gym's scorers and by the checker of bfcl-eval. A hash of the prompt decides in which pool
a problem is, so the pools are disjoint whatever the seeds.
"""

from __future__ import annotations

import hashlib
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, ClassVar

import reasoning_gym

POOLS = ("start", "expert", "train", "validation", "test")
MOST_TRIES = 10_000
_POOL_OF_DIGIT = (0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4, 4)
CORRECT, WRONG, UNFORMATTED = 1.0, 0.0, -0.1


@dataclass(frozen=True)
class Problem:
    """A problem and its answers.

    Attributes:
        prompt: What the policy reads.
        short: The answer in the start policy's style: ``#`` and the result.
        worked: The answer in the expert's style: the steps, ``#`` and the result.
        level: Its difficulty.
        entry: What the scorer needs.
    """

    prompt: str
    short: str
    worked: str
    level: int
    entry: Any


class Task(ABC):
    """A kind of problem.

    Attributes:
        name: Its name.
        characters: All characters of prompts and answers.
        levels: The levels of training, validation and test.
        far_levels: The harder levels of the out-of-range test.
        partial_levels: The easier levels: a start policy knows worked answers to them, and an
            expert with partial coverage answers them only.
        max_tokens: The longest response in tokens, its end included.
    """

    name: ClassVar[str]
    characters: ClassVar[str]
    levels: ClassVar[tuple[int, ...]]
    far_levels: ClassVar[tuple[int, ...]]
    partial_levels: ClassVar[tuple[int, ...]]
    max_tokens: ClassVar[int]

    @abstractmethod
    def stream(self, level: int, seed: int) -> Iterator[Problem]:
        """Yield problems of a level without end; the same seed gives the same problems."""

    @abstractmethod
    def is_right(self, problem: Problem, result: str) -> bool:
        """Return whether the scorer accepts the result, the text after ``#``."""

    def reward(self, problem: Problem, response: str, ended: bool) -> float:
        """Return 1 for a right result, -0.1 without ``#`` or without an end, and 0 otherwise."""
        if not ended or "#" not in response:
            return UNFORMATTED
        return CORRECT if self.is_right(problem, response.rsplit("#", 1)[1]) else WRONG

    def draw(self, pool: str, n: int, seed: int, levels: Sequence[int] = ()) -> list[Problem]:
        """Draw distinct problems of a pool, equally many per level, shuffled.

        Args:
            pool: One of `POOLS`.
            n: The number of problems.
            seed: The task seed. It is independent of the seed of the training.
            levels: The levels; those of training if empty.

        Raises:
            ValueError: The levels have too few distinct problems.
        """
        streams = [self.stream(level, seed) for level in levels or self.levels]
        drawn: dict[str, Problem] = {}
        for i in count():
            if len(drawn) == n:
                break
            stream = streams[i % len(streams)]
            tried = islice(stream, MOST_TRIES)
            problem = next((each for each in tried if _is_in(each.prompt, pool, drawn)), None)
            if problem is None:
                raise ValueError(f"{self.name}: too few distinct problems for {n} of {pool!r}")
            drawn[problem.prompt] = problem
        problems = list(drawn.values())
        random.Random(seed).shuffle(problems)
        return problems


def _is_in(prompt: str, pool: str, drawn: dict[str, Problem]) -> bool:
    return pool_of(prompt) == pool and prompt not in drawn


def pool_of(prompt: str) -> str:
    """Return the pool: 30 % start, 20 % each of expert, train and test, 10 % validation."""
    digest = hashlib.sha256(prompt.encode()).digest()
    return POOLS[_POOL_OF_DIGIT[digest[0] % len(_POOL_OF_DIGIT)]]


def with_slip(text: str, characters: str, rng: random.Random) -> str:
    """Replace one digit of a text by another digit, or one letter by another of ``characters``."""
    place = rng.choice([i for i, character in enumerate(text) if character.isalnum()])
    old = text[place]
    others = [c for c in characters if c.isdigit() == old.isdigit() and c.isalnum() and c != old]
    return text[:place] + rng.choice(others) + text[place + 1 :]


def wrong_answer(task: Task, problem: Problem, rng: random.Random) -> str:
    """Return the worked answer with a slip in its result that makes it wrong."""
    steps, result = problem.worked.rsplit("#", 1)
    while True:
        slipped = with_slip(result, task.characters, rng)
        if not task.is_right(problem, slipped):
            return f"{steps}#{slipped}"


def _problem(prompt: str, steps: list[str], result: str, level: int, entry: Any) -> Problem:
    return Problem(prompt, f"#{result}", "".join(steps) + f"#{result}", level, entry)


class GymTask(Task):
    """A task of reasoning-gym, with its generator and its scorer."""

    dataset: ClassVar[str]

    def __init__(self) -> None:
        self._scorer = self._generator(self.levels[0], 0)

    def _generator(self, level: int, seed: int) -> Any:
        # Entry i of a dataset comes from its seed plus i: nearby seeds would share their entries.
        digest = hashlib.sha256(f"{self.name} {level} {seed}".encode()).digest()
        apart = int.from_bytes(digest[:6], "big")
        # The size is virtual: an entry is made when it is asked for.
        return reasoning_gym.create_dataset(
            self.dataset, size=10**9, seed=apart, **self.difficulty(level)
        )

    def stream(self, level: int, seed: int) -> Iterator[Problem]:
        """Yield problems of a level without end; the same seed gives the same problems."""
        dataset = self._generator(level, seed)
        for i in count():
            problem = self.problem(dataset[i], level)
            if problem is not None:
                yield problem

    def is_right(self, problem: Problem, result: str) -> bool:
        """Return whether reasoning-gym's scorer gives the result its full score."""
        answer = self.as_answer(result)
        return float(self._scorer.score_answer(answer, problem.entry)) == 1.0

    @abstractmethod
    def difficulty(self, level: int) -> dict[str, Any]:
        """Return the generator's settings for a level."""

    @abstractmethod
    def problem(self, entry: dict[str, Any], level: int) -> Problem | None:
        """Return a problem of the study; None if the entry is not used."""

    @abstractmethod
    def as_answer(self, result: str) -> str:
        """Return a result in the form that the scorer reads."""


class Chain(GymTask):
    """Sums and differences of four to six digits, from left to right.

    ``5-8+3+6`` is answered by ``#6``, or derived by ``5-8=-3;-3+3=0;0+6=6;#6``.
    """

    name = "chain"
    dataset = "chain_sum"
    characters = "0123456789+-=;#"
    levels = (4, 5, 6)
    far_levels = (7, 8)
    partial_levels = (4, 5)
    max_tokens = 84

    def difficulty(self, level: int) -> dict[str, Any]:
        """Return the generator's settings: ``level`` terms of one digit."""
        return {"min_terms": level, "max_terms": level, "min_digits": 1, "max_digits": 1}

    def problem(self, entry: dict[str, Any], level: int) -> Problem:
        """Return the expression as a problem."""
        first, *rest = entry["metadata"]["expression"].split()
        total, steps = int(first), []
        for sign, term in zip(rest[::2], rest[1::2], strict=True):
            after = total + int(sign + term)
            steps.append(f"{total}{sign}{term}={after};")
            total = after
        prompt = "".join([first, *rest])
        return _problem(prompt, steps, str(total), level, entry)

    def as_answer(self, result: str) -> str:
        """Return the number."""
        return result


class Sorting(GymTask):
    """Sort three to five numbers, upwards (``<``) or downwards (``>``).

    ``<40 12 33`` is answered by ``#12 33 40``, or derived by repeated selection of the next
    number from the rest: ``12|40 33;33|40;40|;#12 33 40``.
    """

    name = "sorting"
    dataset = "number_sorting"
    characters = "0123456789 <>|;#"
    levels = (3, 4, 5)
    far_levels = (6, 7)
    partial_levels = (3, 4)
    max_tokens = 112

    def difficulty(self, level: int) -> dict[str, Any]:
        """Return the generator's settings: ``level`` numbers from 10 to 99."""
        return {
            "min_numbers": level,
            "max_numbers": level,
            "min_decimals": 0,
            "max_decimals": 0,
            "min_value": 10,
            "max_value": 99,
        }

    def problem(self, entry: dict[str, Any], level: int) -> Problem:
        """Return the list as a problem."""
        left = [str(int(float(each))) for each in entry["metadata"]["original_numbers"]]
        ordered = [str(int(float(each))) for each in entry["metadata"]["sorted_numbers"]]
        sign = "<" if entry["metadata"]["direction"] == "ascending" else ">"
        prompt = sign + " ".join(left)
        steps = []
        for number in ordered:
            left.remove(number)
            steps.append(f"{number}|{' '.join(left)};")
        return _problem(prompt, steps, " ".join(ordered), level, entry)

    def as_answer(self, result: str) -> str:
        """Return the numbers as the JSON list that the scorer reads."""
        return str(result.split(" "))


class Paths(GymTask):
    """Find a shortest path from ``*`` to ``@`` in a square of four to six rows.

    The rows are joined by ``/``. ``*X@/OOO/XOX`` is answered by the moves ``#drru``, or derived
    with the row and column before each move: ``00d10r11r12u02;#drru``.
    """

    name = "paths"
    dataset = "shortest_path"
    characters = "0123456789udlrOX*@/;#"
    levels = (4, 5, 6)
    far_levels = (7,)
    partial_levels = (4, 5)
    max_tokens = 90

    MOVES: ClassVar[dict[str, tuple[int, int]]] = {
        "up": (-1, 0),
        "down": (1, 0),
        "left": (0, -1),
        "right": (0, 1),
    }

    def difficulty(self, level: int) -> dict[str, Any]:
        """Return the generator's settings: a square of ``level`` rows, 30 % of it blocked."""
        return {
            "min_rows": level,
            "max_rows": level,
            "min_cols": level,
            "max_cols": level,
            "p_blocked": 0.3,
        }

    def problem(self, entry: dict[str, Any], level: int) -> Problem | None:
        """Return the grid as a problem; None if it has no path."""
        if entry["answer"] == "infeasible":
            return None
        matrix = entry["metadata"]["matrix"]
        row, column = next(
            (i, j) for i, cells in enumerate(matrix) for j, cell in enumerate(cells) if cell == "*"
        )
        moves = entry["answer"].split()
        steps = []
        for move in moves:
            steps.append(f"{row}{column}{move[0]}")
            row, column = row + self.MOVES[move][0], column + self.MOVES[move][1]
        steps.append(f"{row}{column};")
        prompt = "/".join("".join(cells) for cells in matrix).replace("#", "@")
        return _problem(prompt, steps, "".join(m[0] for m in moves), level, entry)

    def as_answer(self, result: str) -> str:
        """Return the moves in words; an unknown move stays what it is."""
        words = {move[0]: move for move in self.MOVES}
        return " ".join(words.get(letter, letter) for letter in result)
