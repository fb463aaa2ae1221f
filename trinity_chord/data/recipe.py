"""What every kind of source must say of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from trinity_chord.data.candidates import Candidate, Step
from trinity_chord.data.decontaminate import Decontaminator
from trinity_chord.data.errors import PrepareError
from trinity_chord.data.tokens import TokenCounter

Values = dict[str, Any]
Wanted = dict[str, type | tuple[type, ...]]  # The types of columns.

CONTAMINATED = Step(
    "contaminated", "problems that overlap with an evaluation problem (--decontaminate)"
)
DUPLICATE = Step("duplicate", "problems that an earlier row of the source has already")
IN_SFT = Step("in-sft", "problems of the SFT set", switchable=False)


@dataclass(frozen=True)
class Means:
    """What recipes work with.

    Attributes:
        without: The names of the steps left out.
        decontaminator: The evaluation problems, None where there are none to compare with.
        counter: Counts tokens of the policy, None where nobody asks for it.
        max_tokens: The most tokens of a generation.
    """

    without: frozenset[str] = frozenset()
    decontaminator: Decontaminator | None = None
    counter: TokenCounter | None = None
    max_tokens: int = 0


class Recipe(ABC):
    """How rows of one kind of source become rows of a set.

    Args:
        means: What it works with.

    Attributes:
        steps: The steps that drop from every set, in their order, `duplicate` aside.
        rl_steps: Those that drop from the RL set alone.
        rules: Rules that drop nothing and can be switched off like a step.
        required: The columns that a source must have.
        needed_by: A column that a source must have where a step is on.
        optional: Further columns that are read where they are there.
        keeps_order: Whether rows are taken in the source's order and not drawn.
    """

    steps: ClassVar[tuple[Step, ...]]
    rl_steps: ClassVar[tuple[Step, ...]] = ()
    rules: ClassVar[tuple[Step, ...]] = ()
    required: ClassVar[tuple[str, ...]]
    needed_by: ClassVar[dict[Step, str]] = {}
    optional: ClassVar[tuple[str, ...]] = ()
    keeps_order: ClassVar[bool] = False

    def __init__(self, means: Means) -> None:
        self.means = means

    @abstractmethod
    def problem_of(self, values: Values) -> str | None:
        """Returns what is wrong with the types of a row, which the source should not hold."""

    @abstractmethod
    def examine(self, rows: Sequence[tuple[int, Values]]) -> list[list[Candidate]]:
        """Returns the candidates of each row: a function of that row alone.

        Args:
            rows: ``(number in the source, values)``. They come together only for speed.
        """

    @abstractmethod
    def sft_row(self, values: Values, candidate: Candidate, pick: int) -> Values:
        """Returns a row of the SFT set.

        Args:
            values: The source's row.
            candidate: What was found in it.
            pick: A random number that chooses among several answers.
        """

    @abstractmethod
    def rl_row(self, values: Values, candidate: Candidate) -> Values:
        """Returns a row of the RL set."""

    def columns(self) -> list[str]:
        """Returns the columns to read."""
        return [*self.required, *self.needed_by.values(), *self.optional]

    def check_columns(self, columns: Sequence[str], source: object, hint: str) -> None:
        """Checks that a source has the columns that are needed.

        Args:
            columns: The columns that are there.
            source: What the error calls the source.
            hint: The next step.

        Raises:
            PrepareError: Some are missing; all of them are named.
        """
        needed = dict.fromkeys(self.required, "")
        for step, column in self.needed_by.items():
            if self.is_on(step):
                needed[column] = f" (needed by the step {step.name}; --without {step.name})"
        missing = [column + why for column, why in needed.items() if column not in columns]
        if missing:
            raise PrepareError(
                f"source {source} lacks the column{'s' * (len(missing) > 1)} "
                f"{', '.join(missing)}; it has {', '.join(columns)}. {hint}"
            )

    def is_on(self, step: Step) -> bool:
        """Returns whether a step is applied."""
        if step is CONTAMINATED and self.means.decontaminator is None:
            return False
        return step.name not in self.means.without

    def overlap(self, text: str) -> str | None:
        """Returns the evaluation problem that a text overlaps with, where that is looked at."""
        decontaminator = self.means.decontaminator
        return decontaminator.match(text) if decontaminator and self.is_on(CONTAMINATED) else None


def wrong_types(values: Values, wanted: Wanted) -> str | None:
    """Returns which columns hold neither null nor a wanted type, None where all are well."""
    wrong = [
        f"{column} is {shown(values[column])}, expected {_names(types)}"
        for column, types in wanted.items()
        if values.get(column) is not None and not isinstance(values[column], types)
    ]
    return "; ".join(wrong) or None


def shown(value: Any, limit: int = 60) -> str:
    """Returns a value as an error shows it."""
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "..."


def _names(types: type | tuple[type, ...]) -> str:
    names = {str: "text", list: "a list", int: "a number", float: "a number"}
    each = types if isinstance(types, tuple) else (types,)
    return " or ".join(dict.fromkeys(names[kind] for kind in each))
