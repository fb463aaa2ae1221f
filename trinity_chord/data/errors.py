"""What preparing data raises."""

from __future__ import annotations

from collections.abc import Sequence

LISTED_PROBLEMS = 10


def told(error: BaseException) -> str:
    """Returns the kind and the first line of another library's error."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__


class PrepareError(ValueError):
    """Data, arguments or a folder with which a set cannot be prepared."""

    @classmethod
    def from_problems(cls, subject: str, problems: Sequence[str], remedy: str) -> PrepareError:
        """Builds the error that lists several problems at once.

        Args:
            subject: What the problems are about, for example a source.
            problems: One text for each; the first ``LISTED_PROBLEMS`` are shown.
            remedy: The next step.
        """
        rest = len(problems) - LISTED_PROBLEMS
        more = [f"... and {rest:,} more"] if rest > 0 else []
        lines = [f"{subject}:", *problems[:LISTED_PROBLEMS], *more]
        return cls("\n  ".join(lines) + f"\n{remedy}")
