"""Draws the curves of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# The title of each panel, and the metrics in it with their labels.
PANELS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("reward of rollouts", (("actor/usual/reward", "reward"),)),
    ("μ", (("actor/mu", "μ"),)),
    ("loss terms", (("actor/expert/loss", "expert"), ("actor/usual/pg_loss", "on-policy"))),
    ("entropy, nats", (("actor/entropy_loss", "on-policy"), ("actor/expert/entropy", "expert"))),
    (
        "response length, tokens",
        (("actor/usual/response_length", "on-policy"), ("actor/expert/response_length", "expert")),
    ),
    ("p of expert tokens", (("actor/expert/prob", "mean p"), ("actor/expert/weight", "weight"))),
)


def draw_curves(history: list[dict[str, Any]], path: str | Path, title: str) -> Path:
    """Draw the trainer's metrics over the steps into an image file.

    Args:
        history: One dict per step, as `read_history` returns them.
        path: The image file; its suffix sets the format. Its folder is created if missing.
        title: The title above the panels.

    Returns:
        The path.

    Raises:
        ValueError: The history is empty.
    """
    if not history:
        raise ValueError("history: got no steps, expected at least one; the run has logged none")
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(12, 6.5), layout="constrained")
    for axis, (name, curves) in zip(axes.flat, PANELS, strict=True):
        for metric, label in curves:
            points = [(row["step"], row[metric]) for row in history if metric in row]
            if points:
                axis.plot(*zip(*points, strict=True), label=label)
        axis.set_title(name)
        axis.set_xlabel("step")
        axis.grid(alpha=0.3)
        if axis.lines and len(curves) > 1:
            axis.legend()
    figure.suptitle(title)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
