"""One line a training step, for a person who watches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# (heading, metric, format) in the order of the line; a metric that a run lacks is left out.
COLUMNS = (
    ("reward", "actor/usual/reward", "{:6.3f}"),
    ("μ", "actor/mu", "{:.3f}"),
    ("expert", "actor/expert/loss", "{:6.3f}"),
    ("usual", "actor/usual/pg_loss", "{:7.4f}"),
    ("entropy", "actor/entropy_loss", "{:.3f}"),
    ("length", "actor/usual/response_length", "{:6.1f}"),
)


def step_line(metrics: Mapping[str, Any], wanted: int | None, seconds: float | None) -> str:
    """Writes a step's figures in one line.

    Args:
        metrics: The trainer's metrics of the step, with ``step``.
        wanted: Steps of the whole run, where known.
        seconds: Seconds since the step before, where there was one.
    """
    step = int(metrics["step"])
    parts = [f"step {step:>{len(str(wanted or step))}}" + (f"/{wanted}" if wanted else "")]
    parts += [
        f"{heading} {form.format(metrics[key])}" for heading, key, form in COLUMNS if key in metrics
    ]
    if seconds is not None:
        parts.append(f"{seconds:5.1f} s")
    return "  ".join(parts)
