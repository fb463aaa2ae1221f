"""The base of every error of this package, and the one way to report many problems at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, TypeVar

LISTED = 10  # Problems that a report of bad data shows; a configuration's are shown in full.

ChordErrorT = TypeVar("ChordErrorT", bound="ChordError")


class ChordError(Exception):
    """Something the caller can fix; the message says what is wrong and what to do about it.

    Args:
        message: The whole text.
        problems: The problems one by one; the message itself if None.

    Attributes:
        problems: The problems one by one, as text without numbers.
    """

    def __init__(self, message: str, problems: Sequence[str] | None = None) -> None:
        super().__init__(message)
        self.problems = [message] if problems is None else list(problems)

    @classmethod
    def from_problems(
        cls: type[ChordErrorT],
        title: str,
        problems: Sequence[str],
        hint: str = "",
        *,
        total: int | None = None,
        limit: int | None = LISTED,
    ) -> ChordErrorT:
        """Build the error that lists many problems at once.

        Args:
            title: What the problems are about, without a colon.
            problems: One text per problem.
            hint: The next step, on a line of its own.
            total: Number of problems if ``problems`` does not hold all of them.
            limit: Number of problems to show; all of them if None.
        """
        shown = list(problems if limit is None else problems[:limit])
        count = len(problems) if total is None else total
        hidden = count - len(shown)
        heading = f"{title}: {count:,} problem{'' if count == 1 else 's'}"
        lines = [heading, *(f"  {number}. {text}" for number, text in enumerate(shown, 1))]
        if hidden:
            lines.append(f"  ... and {hidden:,} more")
        if hint:
            lines.append(hint)
        return cls("\n".join(lines), problems)


class ChordConfigError(ChordError, ValueError):
    """One or more keys of a configuration are wrong; the message lists every one."""


class Problems:
    """Collects what is wrong, so that a user sees all of it at once."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, key: str, got: Any, expected: str, hint: str = "") -> None:
        """Add a problem with one key.

        Args:
            key: The key as it is written in YAML, dotted.
            got: The value found there.
            expected: What would be right.
            hint: The next step, if it does not follow from ``expected``.
        """
        self.lines.append(
            f"`{key}`: got {got!r}, expected {expected}" + (f"; {hint}" if hint else "")
        )

    def add_text(self, text: str) -> None:
        """Add a problem whose text names its key itself."""
        self.lines.append(text)

    def add_error(self, key: str, error: ChordError) -> None:
        """Add the problems of an error that does not name the key.

        Args:
            key: The dotted key.
            error: The error; its problems say what is wrong with the value.
        """
        self.lines += [f"`{key}`: {text}" for text in error.problems]

    def concern(self, key: str) -> bool:
        """Return whether a problem was added with a key, or with one below it."""
        return any(line.startswith((f"`{key}`", f"`{key}.")) for line in self.lines)

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Add the problems of a `ChordError` raised in the block, which then ends there."""
        try:
            yield
        except ChordError as error:
            self.lines += error.problems

    def raise_if_any(self, title: str) -> None:
        """Raise `ChordConfigError` with every problem, if there is one."""
        if self.lines:
            raise ChordConfigError.from_problems(title, self.lines, limit=None)


def root_cause(error: BaseException) -> str:
    """Return the text of the error that an error was raised from, or of the error itself."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question that names the known name nearest to a misspelled one, or an empty text."""
    near = get_close_matches(name, known, n=1)
    return f"did you mean `{near[0]}`?" if near else ""
