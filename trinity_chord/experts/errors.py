"""What the expert stream raises."""

from __future__ import annotations

from collections.abc import Sequence

LISTED_PROBLEMS = 10


class ExpertDataError(ValueError):
    """Expert data or settings that cannot be used."""

    @classmethod
    def from_problems(
        cls, subject: str, problems: Sequence[str], total: int, remedy: str
    ) -> ExpertDataError:
        """Build the error that lists many problems at once.

        Args:
            subject: What the problems are about, for example ``expert set 'sft'``.
            problems: One line for each problem; the first ``LISTED_PROBLEMS`` are shown.
            total: How many problems there are, listed or not.
            remedy: The next step.
        """
        shown = list(problems[:LISTED_PROBLEMS])
        rest = total - len(shown)
        more = [f"... and {rest:,} more"] if rest else []
        count = f"{total:,} problem{'s' if total != 1 else ''}"
        return cls("\n  ".join([f"{subject}: {count}", *shown, *more]) + f"\n{remedy}")


class ExpertStateError(ValueError):
    """A saved position that belongs to other data or other settings."""


class ExpertDataEndedError(Exception):
    """The expert data is used up and ``at_end`` is ``'stop'``."""


class ExpertDataUsedUpError(RuntimeError):
    """The expert data is used up and ``at_end`` is ``'error'``."""
