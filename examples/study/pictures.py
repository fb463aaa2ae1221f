"""The pictures of docs/study.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from examples.study.results import Run, Score, mean_over_tasks
from examples.study.statistics import Effect, mean_and_spread

STYLES = ("-", "--", ":", "-.")
WIDTH, ROW = 7.0, 0.28


def forest(path: Path, effects: Mapping[str, Effect], title: str) -> None:
    """Draw the effect and the interval of each method; a clear one is filled."""
    with _style(path):
        figure = Figure(figsize=(WIDTH, 1.2 + ROW * len(effects)), layout="constrained")
        axes = figure.subplots()
        for place, effect in enumerate(reversed(effects.values())):
            axes.plot([effect.low, effect.high], [place, place], color="C0")
            face = "C0" if effect.is_clear else "white"
            axes.plot(effect.mean, place, "o", color="C0", markerfacecolor=face)
        axes.axvline(0, color="0.5", linewidth=0.8)
        axes.set_yticks(range(len(effects)), list(effects)[::-1])
        axes.set(title=title, xlabel="percentage points")
        _save(figure, path)


def curves(
    path: Path, arms: Mapping[str, Sequence[Run]], names: Mapping[str, str], x: str = "step"
) -> None:
    """Draw figures of the curve, one panel each; the mean over tasks and seeds.

    Args:
        path: The file.
        arms: The runs of each line.
        names: The figures and the titles of their panels.
        x: The figure on the horizontal axis.
    """
    with _style(path):
        figure = Figure(figsize=(4.2 * len(names), 3.6), layout="constrained")
        panels = figure.subplots(1, len(names), squeeze=False)[0]
        for axes, (name, title) in zip(panels, names.items(), strict=True):
            for i, (label, runs) in enumerate(arms.items()):
                _line(axes, runs, x, name, STYLES[i // 10 % len(STYLES)], label)
            axes.set(title=title, xlabel={"step": "optimizer step", "sampled": "tokens"}[x])
        panels[0].legend(fontsize="small")
        _save(figure, path)


def _line(axes: Axes, runs: Sequence[Run], x: str, name: str, style: str, label: str) -> None:
    points = range(len(runs[0]["curve"]))

    def figure_of(figure: str, point: int) -> float:
        return mean_over_tasks(runs, lambda run: float(run["curve"][point][figure]))

    shown = [point for point in points if all(name in run["curve"][point] for run in runs)]
    axes.plot(
        [figure_of(x, point) for point in shown],
        [figure_of(name, point) for point in shown],
        style,
        label=label,
    )


def over_sizes(
    path: Path, arms: Mapping[str, Mapping[int, Sequence[Run]]], scores: Mapping[str, Score]
) -> None:
    """Draw scores over the number of demonstrations, with the spread over seeds as bars."""
    with _style(path):
        figure = Figure(figsize=(4.2 * len(scores), 3.6), layout="constrained")
        panels = figure.subplots(1, len(scores), squeeze=False)[0]
        for axes, (title, score) in zip(panels, scores.items(), strict=True):
            for label, sizes in arms.items():
                seeds = {size: _by_seed(runs, score) for size, runs in sizes.items()}
                means, spreads = zip(*map(mean_and_spread, seeds.values()), strict=True)
                axes.errorbar(list(seeds), means, spreads, capsize=2, marker="o", label=label)
            axes.set(title=title, xlabel="demonstrations", xscale="log")
        panels[0].legend(fontsize="small")
        _save(figure, path)


def _by_seed(runs: Sequence[Run], score: Score) -> list[float]:
    seeds = sorted({run["cell"]["seed"] for run in runs})
    return [mean_over_tasks([r for r in runs if r["cell"]["seed"] == s], score) for s in seeds]


def _style(path: Path) -> AbstractContextManager[None]:
    return matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": path.stem})


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
