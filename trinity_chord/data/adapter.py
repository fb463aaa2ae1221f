"""The interface of an adapter: how rows of one kind of source become rows of a set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from trinity_chord.data.candidates import Candidate, Step
from trinity_chord.data.errors import PrepareError

if TYPE_CHECKING:  # Adapters are imported for the command line, which must start fast.
    from trinity_chord.data.decontaminate import Decontaminator
    from trinity_chord.data.tokens import TokenCounter

Values = dict[str, Any]
ColumnTypes = dict[str, type | tuple[type, ...]]

LENGTH = Step("length", "problems whose verified generations are all longer than `--max-tokens`")
CONTAMINATED = Step(
    "contaminated", "problems that overlap with an evaluation problem (`--decontaminate`)"
)
DUPLICATE = Step("duplicate", "problems that occur in an earlier row of the source")
IN_SFT = Step("in-sft", "problems of the SFT set, from the RL set", optional=False)


@dataclass(frozen=True)
class Context:
    """What adapters share in one call of `trinity-chord prepare`.

    Attributes:
        without: Names of the steps to leave out.
        decontaminator: The evaluation problems; None if there are none.
        counter: Counts tokens of the policy; None if no tokens are to be counted.
        max_tokens: Maximum tokens of an answer.
    """

    without: frozenset[str] = frozenset()
    decontaminator: Decontaminator | None = None
    counter: TokenCounter | None = None
    max_tokens: int = 0


class Adapter(ABC):
    """How rows of one kind of source become rows of a set.

    Args:
        context: What all adapters of a call share.

    Attributes:
        steps: The steps that drop from every set, in order, without `duplicate`.
        rl_steps: The steps that drop from the RL set only.
        rules: Rules that drop nothing and can be left out like a step.
        required: Columns that a source must have.
        needed_by: For a step, the column that a source must have while the step is on.
        optional: Further columns, read if the source has them.
        keeps_order: Whether rows are taken in the order of the source instead of drawn.
    """

    steps: ClassVar[tuple[Step, ...]]
    rl_steps: ClassVar[tuple[Step, ...]] = ()
    rules: ClassVar[tuple[Step, ...]] = ()
    required: ClassVar[tuple[str, ...]]
    needed_by: ClassVar[dict[Step, str]] = {}
    optional: ClassVar[tuple[str, ...]] = ()
    keeps_order: ClassVar[bool] = False

    def __init__(self, context: Context) -> None:
        self.context = context

    @abstractmethod
    def problem_of(self, values: Values) -> str | None:
        """Return what is wrong with the types of a row's values, or None."""

    @abstractmethod
    def examine(self, rows: Sequence[tuple[int, Values]]) -> list[list[Candidate]]:
        """Return the candidates of each row.

        What is found in a row must depend on that row only: rows come in batches for speed.

        Args:
            rows: Number in the source, from 0, and values of each row.
        """

    @abstractmethod
    def sft_row(self, values: Values, candidate: Candidate, pick: int) -> Values:
        """Return a row of the SFT set.

        Args:
            values: The source's row.
            candidate: What was found in it.
            pick: A random number that chooses among several answers.
        """

    @abstractmethod
    def rl_row(self, values: Values, candidate: Candidate) -> Values:
        """Return a row of the RL set.

        Args:
            values: The source's row.
            candidate: What was found in it.
        """

    def columns(self) -> list[str]:
        """Return the columns to read."""
        return [*self.required, *self.needed_by.values(), *self.optional]

    def check_columns(self, columns: Sequence[str], source: object, hint: str) -> None:
        """Check that a source has all required columns.

        Args:
            columns: The columns of the source.
            source: What the error calls the source.
            hint: The next step.

        Raises:
            PrepareError: Columns are missing; the message names all of them.
        """
        needed = dict.fromkeys(self.required, "")
        for step, column in self.needed_by.items():
            if self.is_on(step):
                needed[column] = f" (for the step {step.name}; --without {step.name})"
        missing = [column + why for column, why in needed.items() if column not in columns]
        if missing:
            raise PrepareError(
                f"source {source} lacks the column{'s' * (len(missing) > 1)} "
                f"{', '.join(missing)}; it has {', '.join(columns)}. {hint}"
            )

    def is_on(self, step: Step) -> bool:
        """Return whether a step is applied."""
        if step is CONTAMINATED and self.context.decontaminator is None:
            return False
        return step.name not in self.context.without

    def overlap(self, text: str) -> str | None:
        """Return the evaluation problem that a text overlaps with, or None."""
        decontaminator = self.context.decontaminator
        return decontaminator.match(text) if decontaminator and self.is_on(CONTAMINATED) else None


def wrong_types(values: Values, expected: ColumnTypes) -> str | None:
    """Return which columns hold neither null nor an expected type, or None."""
    wrong = [
        f"{column}: got {shown(values[column])}, expected {_names(types)}"
        for column, types in expected.items()
        if values.get(column) is not None and not isinstance(values[column], types)
    ]
    return "; ".join(wrong) or None


def shown(value: Any, limit: int = 60) -> str:
    """Return a value as an error message shows it, cut after ``limit`` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "..."


def _names(types: type | tuple[type, ...]) -> str:
    names = {str: "text", list: "a list", int: "a number", float: "a number"}
    each = types if isinstance(types, tuple) else (types,)
    return " or ".join(dict.fromkeys(names[kind] for kind in each))
