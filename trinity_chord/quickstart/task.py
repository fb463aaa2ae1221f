"""The addition task: its problems, two styles of answers, and the score."""

import random
from dataclasses import dataclass
from functools import cache

LEVELS = (1, 2, 3, 4, 5)
HELD_OUT_SEED = 12345
# Level 1 has only the 100 questions 0+0 ... 9+9, so at most 100 per level can be held out.
MAX_HELD_OUT = 100 * len(LEVELS)

CORRECT = 1.0
WRONG = 0.0
UNFORMATTED = -0.1


@dataclass(frozen=True)
class Problem:
    """One addition.

    Attributes:
        level: Number of digits of each of the two numbers.
        question: The numbers with a plus sign, such as ``57+48``.
        answer: The sum in decimal digits, such as ``105``.
    """

    level: int
    question: str
    answer: str


def make_problem(rng: random.Random, level: int) -> Problem:
    """Draw two numbers of ``level`` digits, uniformly; at level 1 including zero."""
    low = 10 ** (level - 1) if level > 1 else 0
    high = 10**level - 1
    a, b = rng.randint(low, high), rng.randint(low, high)
    return Problem(level, f"{a}+{b}", str(a + b))


def held_out(n: int = MAX_HELD_OUT, seed: int = HELD_OUT_SEED) -> list[Problem]:
    """Draw ``n`` distinct problems for evaluation, cycling through the levels.

    With the same seed, a smaller set is a prefix of every larger one. With ``n`` = 500, all 100
    questions of level 1 are held out.

    Raises:
        ValueError: ``n`` is above 500, for which level 1 has too few questions.
    """
    if n > MAX_HELD_OUT:
        raise ValueError(
            f"n: got {n}, expected at most {MAX_HELD_OUT}: level 1 has only "
            f"{MAX_HELD_OUT // len(LEVELS)} questions"
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
    """Draw a problem for training.

    From level 2 on it is never one of the 500 problems of ``held_out()``. At level 1 it can be any
    question, because those 500 contain all of them.
    """
    while True:
        problem = make_problem(rng, level)
        if level == 1 or problem.question not in _held_out_questions():
            return problem


def training_problems(rng: random.Random, n: int) -> list[Problem]:
    """Draw ``n`` problems with ``make_training_problem``, equally many per level, shuffled.

    Questions of level 2 and above are distinct; the 100 questions of level 1 can repeat.
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
    """Return the answer in the model's own style: ``#105`` for ``57+48``."""
    return f"#{sum(map(int, question.split('+')))}"


def worked_answer(question: str, rng: random.Random | None = None, noise: float = 0.0) -> str:
    """Return the answer in the expert's style, column by column from the lowest digit.

    A column is written ``a+b+carry=sum;`` with two digits for the sum: ``7+8+0=15;5+4+1=10;#105``
    for ``57+48``.

    Args:
        question: Two numbers with the same number of digits, joined by a plus sign.
        rng: Source of the mistakes; required if ``noise`` is not 0.
        noise: Probability that the sum of a column is off by one, within 0 to 19. A mistake
            carries over into the following columns.
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
    """Return the score of what follows the last ``#`` of a response.

    It is 1.0 for exactly the answer, 0.0 for anything else, and -0.1 if there is no ``#``.
    """
    if "#" not in response:
        return UNFORMATTED
    return CORRECT if response.rsplit("#", 1)[1] == answer else WRONG
