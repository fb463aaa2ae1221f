"""Draws the pictures of docs/concepts.md; every curve and number in them is computed here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from trinity_chord.objective import (
    TOKEN_WEIGHTS,
    BatchFigures,
    get_schedule,
    stamp_rows,
)

ON_POLICY, EXPERT, NEUTRAL = "#3b6fb6", "#d9822b", "#eceff3"
SPLITS = (16, 8, 4, 2, 1)
# The rules that depend on the step alone and have a μ of their own without arguments.
MU_RULES: dict[str, dict[str, Any]] = {
    "constant": {},
    "linear": {},
    "cosine": {},
    "warmup_cosine": {"warmup_steps": 50, "decay_steps": 150, "peak": 0.9, "valley": 0.05},
}


def write(root: Path) -> list[Path]:
    """Draw the pictures.

    Args:
        root: The folder that holds `docs`.

    Returns:
        The files that were written.
    """
    folder = root / "docs" / "pictures"
    folder.mkdir(exist_ok=True)
    return [_draw(folder / f"{name}.svg", *each) for name, each in PICTURES.items()]


def _draw(path: Path, size: tuple[float, float], draw: Callable[[Figure], None]) -> Path:
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": path.stem}):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        figure.savefig(path, metadata={"Date": None})
    return path


def _step(figure: Figure) -> None:
    """Draw what happens in one step, and who does it."""
    axes = _empty(figure, (0, 10), (0, 4.7))
    _box(axes, 0.1, 2.6, 1.9, 1.2, "explorer (Trinity)\nsamples rollouts,\nrewards them", ON_POLICY)
    _box(axes, 0.1, 0.5, 1.9, 1.2, "expert stream\nchecked, shuffled,\nresumed", EXPERT)
    _box(
        axes,
        2.8,
        1.3,
        2.2,
        1.7,
        "sample strategy\nsees the whole batch:\nμ, gates, one\ncoefficient per row",
    )
    for number in range(3):
        text = f"micro-batch {3 - number}\nΣ coefficient · loss"
        _box(axes, 5.8, 0.3 + 1.25 * number, 1.8, 1.0, text)
        _arrow(axes, (5.0, 2.15), (5.8, 0.8 + 1.25 * number))
        _arrow(axes, (7.6, 0.8 + 1.25 * number), (8.3, 2.15))
    _box(axes, 8.3, 1.3, 1.6, 1.7, "one optimizer\nstep with the\nwhole batch's\ngradient")
    _arrow(axes, (2.0, 3.2), (2.8, 2.5))
    _arrow(axes, (2.0, 1.1), (2.8, 1.8))
    axes.plot((9.1, 9.1, 1.05), (3.0, 4.3, 4.3), color="#667", linewidth=1)
    _arrow(axes, (1.05, 4.33), (1.05, 3.8))
    axes.text(5.0, 4.4, "new weights", ha="center", fontsize=9, color="#445")


def _levels(figure: Figure) -> None:
    """Draw the three levels at which a method chooses."""
    axes = _empty(figure, (0, 10), (0, 4))
    titles = ("batch: μ", "row: gate, weight", "token: φ")
    questions = ("how much imitation?", "which expert rows?", "which of their tokens?")
    for number, (title, question) in enumerate(zip(titles, questions, strict=True)):
        axes.text(0.2 + 3.4 * number, 3.75, title, fontsize=12, weight="bold")
        axes.text(0.2 + 3.4 * number, 3.4, question, fontsize=10, color="#445")
    mu = 0.3
    axes.add_patch(Rectangle((0.2, 0.4), 2.4, 2.6 * mu, color=EXPERT))
    axes.add_patch(Rectangle((0.2, 0.4 + 2.6 * mu), 2.4, 2.6 * (1 - mu), color=ON_POLICY))
    axes.text(1.4, 0.4 + 1.3 * mu, "μ · L_SFT", ha="center", va="center", color="white")
    axes.text(1.4, 1.7 + 1.3 * mu, "(1-μ) · L_GRPO", ha="center", va="center", color="white")
    for number, is_open in enumerate((True, False, True, True)):
        color = EXPERT if is_open else NEUTRAL
        axes.add_patch(Rectangle((3.6, 0.4 + 0.7 * number), 2.4, 0.5, color=color))
        text = "expert answer" if is_open else "closed by the gate"
        ink = "white" if is_open else "#445"
        axes.text(4.8, 0.65 + 0.7 * number, text, ha="center", va="center", color=ink, fontsize=9)
    for number, p in enumerate((0.02, 0.3, 0.5, 0.8, 0.99)):
        weight = float(TOKEN_WEIGHTS["phi"](torch.tensor(p).log()))
        y = 0.4 + 0.54 * number
        axes.add_patch(Rectangle((7.0, y), 2.4, 0.4, color=NEUTRAL))
        axes.add_patch(Rectangle((7.0, y), 2.4 * 4 * weight, 0.4, color=EXPERT))
        axes.text(7.1, y + 0.2, f"p = {p}: φ = {weight:.2f}", va="center", fontsize=9)


def _split(figure: Figure) -> None:
    """Draw the loss of one batch as two rules compute it, for several micro-batch sizes."""
    means, stamped = micro_batch_sums()
    axes = figure.subplots()
    places = range(len(SPLITS))
    axes.bar(
        [x - 0.2 for x in places],
        means,
        0.4,
        label="mean of each micro-batch, added up",
        color="#9aa5b1",
    )
    axes.bar([x + 0.2 for x in places], stamped, 0.4, label="stamped rows, added up", color=EXPERT)
    for x, value in zip(places, means, strict=True):
        axes.text(x - 0.2, value, f"{value:.1f} ×", ha="center", va="bottom", fontsize=9)
    axes.set_xticks(list(places), [f"{16 // size} × {size}" for size in SPLITS])
    axes.set(xlabel="micro-batches × rows", ylabel="loss / loss of the unsplit batch")
    axes.legend()


def micro_batch_sums() -> tuple[list[float], list[float]]:
    """Return the loss of 16 expert rows for each micro-batch size, relative to the unsplit batch.

    Returns:
        The sum of the means over each micro-batch's tokens, and the sum of stamped rows.
    """
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(20, 400, (16,), generator=generator)
    losses = torch.rand(16, generator=generator, dtype=torch.float64) * tokens
    stamps = stamp_rows(tokens, torch.ones(16, dtype=torch.bool), mu=1.0, width=400)
    whole = losses.sum() / tokens.sum()
    means, stamped = [], []
    for size in SPLITS:
        parts = [slice(start, start + size) for start in range(0, 16, size)]
        means.append(float(sum(losses[p].sum() / tokens[p].sum() for p in parts) / whole))
        stamped.append(float(sum((stamps.loss_coef * losses)[p].sum() for p in parts) / whole))
    return means, stamped


def _mu(figure: Figure) -> None:
    """Draw μ over the steps for rules that depend on the step alone."""
    axes = figure.subplots()
    steps = range(1, 251)
    for name, arguments in MU_RULES.items():
        rule = get_schedule(name, **arguments)
        axes.plot(steps, [rule.next(step, BatchFigures()) for step in steps], label=name)
    axes.set(xlabel="step", ylabel="μ", ylim=(0, 1))
    axes.legend()


def _empty(figure: Figure, x: tuple[float, float], y: tuple[float, float]) -> Axes:
    axes = figure.subplots()
    axes.set(xlim=x, ylim=y)
    axes.axis("off")
    return axes


def _box(
    axes: Axes, x: float, y: float, width: float, height: float, text: str, color: str = NEUTRAL
) -> None:
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0.02", color=color))
    ink = "#223" if color == NEUTRAL else "white"
    axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", color=ink, fontsize=9)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=12, color="#667"))


PICTURES: dict[str, tuple[tuple[float, float], Callable[[Figure], None]]] = {
    "step": ((10, 4.7), _step),
    "levels": ((10, 4), _levels),
    "split": ((8, 4), _split),
    "mu": ((8, 4), _mu),
}
