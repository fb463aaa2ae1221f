"""The line that shows a training step while a run is in progress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Heading, metric and format, in the order of the line; metrics that a run lacks are left out.
COLUMNS = (
    ("reward", "actor/usual/reward", "{:6.3f}"),
    ("μ", "actor/mu", "{:.3f}"),
    ("expert", "actor/expert/loss", "{:6.3f}"),
    ("on-policy", "actor/usual/pg_loss", "{:7.4f}"),
    ("entropy", "actor/entropy_loss", "{:.3f}"),
    ("length", "actor/usual/response_length", "{:6.1f}"),
)


def step_line(
    metrics: Mapping[str, Any],
    total_steps: int | None,
    seconds: float | None,
    left: float | None = None,
) -> str:
    """Return the figures of a step as one line.

    Args:
        metrics: The trainer's metrics of the step, including ``step``.
        total_steps: Number of steps of the whole run, if known.
        seconds: Seconds since the previous step, if there was one.
        left: Estimated seconds until the last step, if known.
    """
    step = int(metrics["step"])
    width = len(str(total_steps or step))
    parts = [f"step {step:>{width}}" + (f"/{total_steps}" if total_steps else "")]
    parts += [
        f"{heading} {form.format(metrics[key])}" for heading, key, form in COLUMNS if key in metrics
    ]
    if seconds is not None:
        parts.append(f"{seconds:5.1f} s")
    if left:
        parts.append(f"{duration_text(left)} left")
    return "  ".join(parts)


def duration_text(seconds: float) -> str:
    """Return a duration in its two largest units, rounded: ``3 h 20 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"
