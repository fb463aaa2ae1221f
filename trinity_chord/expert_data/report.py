"""How many rows of the expert sets are kept, dropped, cut and repeated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SetReport:
    """Counts of one set.

    Attributes:
        name: Name of the set.
        rows_read: Rows in the source.
        kept: Rows per epoch; a repeated row counts each time.
        dropped: Rows left out because they are longer than ``max_model_len``.
        below: Rows left out because their score reaches no percentile.
        repeats: Appearances of kept rows beyond their first, because of their score.
        cut: Kept rows whose response was cut to ``max_model_len``.
        tokens: Tokens of the kept rows, after cutting.
        shortest: Tokens of the shortest row in the source, before cutting.
        longest: Tokens of the longest row in the source, before cutting.
        from_cache: Whether an earlier process had tokenized the set.
    """

    name: str
    rows_read: int
    kept: int
    dropped: int
    below: int
    repeats: int
    cut: int
    tokens: int
    shortest: int
    longest: int
    from_cache: bool

    def __str__(self) -> str:
        scored = ""
        if self.below or self.repeats:
            scored = f"{self.below:,} left out by score, {self.repeats:,} repeats, "
        return (
            f"expert set {self.name!r}: {self.rows_read:,} rows read, {self.kept:,} kept "
            f"({self.cut:,} of them cut), {self.dropped:,} dropped, {scored}"
            f"{self.tokens:,} tokens, "
            f"{self.shortest:,} to {self.longest:,} tokens per row before cutting, "
            + ("tokens read from the cache" if self.from_cache else "tokenized now")
        )


@dataclass(frozen=True)
class StreamReport:
    """Counts of all sets of a stream.

    Attributes:
        sets: The counts of each set.
    """

    sets: tuple[SetReport, ...]

    @property
    def rows_read(self) -> int:
        """Rows in the sources."""
        return sum(report.rows_read for report in self.sets)

    @property
    def kept(self) -> int:
        """Rows per epoch; a repeated row counts each time."""
        return sum(report.kept for report in self.sets)

    @property
    def dropped(self) -> int:
        """Rows left out because they are too long."""
        return sum(report.dropped for report in self.sets)

    @property
    def cut(self) -> int:
        """Kept rows whose response was cut."""
        return sum(report.cut for report in self.sets)

    @property
    def tokens(self) -> int:
        """Tokens of the kept rows, after cutting."""
        return sum(report.tokens for report in self.sets)

    def __str__(self) -> str:
        return "\n".join(map(str, self.sets))
