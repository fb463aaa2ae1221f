"""The addition task: its problems, the two styles of answering, and the score."""

import random
from dataclasses import dataclass
from functools import cache

LEVELS = (1, 2, 3, 4, 5)
HELD_OUT_SEED = 12345
# Level 1 has the 100 questions 0+0 ... 9+9, so a level can hold out at most 100.
MAX_HELD_OUT = 100 * len(LEVELS)

CORRECT = 1.0
WRONG = 0.0
UNFORMATTED = -0.1


@dataclass(frozen=True)
class Problem:
    """One addition.

    Attributes:
        level: How many digits each of the two numbers has.
        question: The numbers with a plus sign, such as ``57+48``.
        answer: The sum in decimal digits, such as ``105``.
    """

    level: int
    question: str
    answer: str


def make_problem(rng: random.Random, level: int) -> Problem:
    """Draws two numbers of ``level`` digits, uniformly; at level 1 zero is among them."""
    low = 10 ** (level - 1) if level > 1 else 0
    high = 10**level - 1
    a, b = rng.randint(low, high), rng.randint(low, high)
    return Problem(level, f"{a}+{b}", str(a + b))


def held_out(n: int = MAX_HELD_OUT, seed: int = HELD_OUT_SEED) -> list[Problem]:
    """Draws ``n`` distinct problems for evaluation, the levels taking turns.

    For one seed a smaller set is the beginning of every larger one. With ``n`` = 500 level 1
    holds all of its 100 questions.

    Raises:
        ValueError: If ``n`` is over 500, for which level 1 has too few questions.
    """
    if n > MAX_HELD_OUT:
        raise ValueError(
            f"n is {n}, but level 1 has only {MAX_HELD_OUT // len(LEVELS)} questions: "
            f"ask for at most {MAX_HELD_OUT} held-out problems."
        )
    rng = random.Random(seed)
    problems: dict[str, Problem] = {}
    for i in range(n):
        level = LEVELS[i % len(LEVELS)]
        problem = make_problem(rng, level)
        while problem.question in problems:
            problem = make_problem(rng, level)
        problems[problem.question] = problem
    return list(problems.values())


@cache
def _held_out_questions() -> frozenset[str]:
    return frozenset(problem.question for problem in held_out())


def make_training_problem(rng: random.Random, level: int) -> Problem:
    """Draws a problem that one may train on.

    From level 2 on it is never one of the 500 problems of ``held_out()``. Level 1 cannot be kept
    apart, since those 500 hold every question of it: there any question may come.
    """
    while True:
        problem = make_problem(rng, level)
        if level == 1 or problem.question not in _held_out_questions():
            return problem


def training_problems(rng: random.Random, n: int) -> list[Problem]:
    """Draws ``n`` problems of ``make_training_problem``, levels in equal parts, shuffled.

    No question of level 2 or higher comes twice; the 100 questions of level 1 may.
    """
    problems = []
    seen: set[str] = set()
    for i in range(n):
        level = LEVELS[i % len(LEVELS)]
        problem = make_training_problem(rng, level)
        while level > 1 and problem.question in seen:
            problem = make_training_problem(rng, level)
        seen.add(problem.question)
        problems.append(problem)
    rng.shuffle(problems)
    return problems


def direct_answer(question: str) -> str:
    """Answers in the model's own style: ``57+48`` gives ``#105``."""
    return f"#{sum(map(int, question.split('+')))}"


def worked_answer(question: str, rng: random.Random | None = None, noise: float = 0.0) -> str:
    """Answers in the expert's style, column by column from the lowest.

    A column is written ``a+b+carry=sum;`` with two digits for the sum. ``57+48`` gives
    ``7+8+0=15;5+4+1=10;#105``.

    Args:
        question: Two numbers of the same number of digits with a plus sign.
        rng: Where the slips come from; needed if ``noise`` is not 0.
        noise: The probability that the sum of a column is one too high or too low, but within
            0 to 19. A slip is carried on into what follows.
    """
    a, b = question.split("+")
    carry, columns, digits = 0, [], []
    for x, y in zip(reversed(a), reversed(b), strict=True):
        total = int(x) + int(y) + carry
        if rng is not None and rng.random() < noise:
            total = rng.choice([max(0, total - 1), min(19, total + 1)])
        columns.append(f"{x}+{y}+{carry}={total:02d};")
        carry, digit = divmod(total, 10)
        digits.append(str(digit))
    result = ("1" if carry else "") + "".join(reversed(digits))
    return "".join(columns) + "#" + result


def score(response: str, answer: str) -> float:
    """Scores what stands after the last ``#`` of a response.

    Returns:
        1.0 if it is exactly the answer, 0.0 if it is anything else, -0.1 if there is no ``#``.
    """
    if "#" not in response:
        return UNFORMATTED
    return CORRECT if response.rsplit("#", 1)[1] == answer else WRONG
