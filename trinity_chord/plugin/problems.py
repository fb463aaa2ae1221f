"""Problems of a configuration, collected so that a user sees all of them at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


class ChordConfigError(ValueError):
    """One or more keys of a configuration are wrong; the message lists every one.

    Args:
        message: The whole text.
        problems: The problems one by one; the message itself if None.

    Attributes:
        problems: The problems one by one.
    """

    def __init__(self, message: str, problems: Sequence[str] | None = None) -> None:
        super().__init__(message)
        self.problems = [message] if problems is None else list(problems)


class Problems:
    """Collects what is wrong with a configuration."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, key: str, found: Any, wanted: str, remedy: str = "") -> None:
        """Notes a problem.

        Args:
            key: The key as it stands in YAML, dotted.
            found: The value found.
            wanted: What would be right.
            remedy: The next step, where it does not follow from ``wanted``.
        """
        self.lines.append(
            f"`{key}`: found {found!r}, wanted {wanted}" + (f"; {remedy}" * bool(remedy))
        )

    def add_text(self, text: str) -> None:
        """Notes a problem that names its key itself."""
        self.lines.append(text)

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Within it, a `ChordConfigError` ends the block, and its problems are noted here."""
        try:
            yield
        except ChordConfigError as error:
            self.lines += error.problems

    def raise_if_any(self, title: str) -> None:
        """Raises `ChordConfigError` with every problem noted, if there is one."""
        if self.lines:
            listed = "\n".join(f"  {i}. {line}" for i, line in enumerate(self.lines, 1))
            raise ChordConfigError(f"{title}\n{listed}", self.lines)
