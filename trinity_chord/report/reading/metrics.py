"""What is read of a run, from whichever monitor wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The values of a metric by step; some may be NaN.
Series = dict[int, float]


@dataclass
class Reading:
    """The metrics of a run as a monitor recorded them.

    Attributes:
        source: The kind of files that were read.
        metrics: Each metric by the name in Trinity.
        times: Seconds since the epoch at which each training step ended.
        config: The configuration, nested; None if it was not recorded.
        notes: What is missing or damaged, as text for the reader of the page.
    """

    source: str
    metrics: dict[str, Series] = field(default_factory=dict)
    times: Series = field(default_factory=dict)
    config: Mapping[str, Any] | None = None
    notes: list[str] = field(default_factory=list)

    def add(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Add the numbers among the metrics of a step; later values replace earlier ones."""
        for name, value in metrics.items():
            if isinstance(value, (int, float)):
                self.metrics.setdefault(name, {})[step] = float(value)

    def steps(self) -> list[int]:
        """Return every step with a metric, in order."""
        return sorted({step for series in self.metrics.values() for step in series})
