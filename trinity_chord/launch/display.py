"""What a person sees of a run while it runs: progress, small curves and warnings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from statistics import median
from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from trinity_chord.launch.jobs import Job
from trinity_chord.report.health import HealthWatch
from trinity_chord.report.live import duration_text, step_line
from trinity_chord.report.recorder import config_file
from trinity_chord.report.sparkline import sparkline

# Steps whose time the estimate is the median of.
RECENT = 20
CURVES = (("reward", "actor/usual/reward"), ("entropy", "actor/entropy_loss"))
CURVE_WIDTH = 40
STARTING = "starting Trinity (about a minute on a small machine)"


class RunDisplay:
    """Shows the steps of a run, as a context manager.

    In a terminal, a progress bar and curves stay below the lines of the steps. Elsewhere, such as
    in a file or a pipe, there are only plain lines.

    Args:
        console: Where to show it.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._jobs: dict[Job, _JobProgress] = {}
        self._live = Live(
            Spinner("dots", STARTING), console=console, transient=True, refresh_per_second=4
        )

    def __enter__(self) -> RunDisplay:
        if self.console.is_terminal:
            self._live.start()
        else:
            self.console.print(STARTING, highlight=False, soft_wrap=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def step(self, job: Job, metrics: Mapping[str, Any]) -> None:
        """Show a step of a job, and what is unusual about it.

        Args:
            job: The job.
            metrics: The trainer's metrics of the step, including ``step`` and ``time``.
        """
        progress = self._jobs.setdefault(job, _JobProgress(job))
        warnings = progress.add(metrics)
        line = step_line(metrics, job.planned_steps, progress.seconds, progress.left)
        self.console.print(line, highlight=False, soft_wrap=True)
        for warning in warnings:
            self.console.print(f"! {warning}", style="yellow", highlight=False, soft_wrap=True)
        self._live.update(progress.picture())


class _JobProgress:
    """The steps of one job so far."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.step = 0
        self.times: list[float] = []
        self.curves: dict[str, list[float]] = {name: [] for name, _ in CURVES}
        self._watch = HealthWatch(_response_limit(job))

    def add(self, metrics: Mapping[str, Any]) -> list[str]:
        """Take the metrics of a step and return the new warnings."""
        self.step = int(metrics["step"])
        self.times = [*self.times[-RECENT:], metrics["time"]]
        for name, metric in CURVES:
            if metric in metrics:
                self.curves[name].append(metrics[metric])
        return [str(warning) for warning in self._watch.observe(metrics)]

    @property
    def seconds(self) -> float | None:
        """Seconds between the last two steps."""
        return self.times[-1] - self.times[-2] if len(self.times) > 1 else None

    @property
    def left(self) -> float | None:
        """Estimated seconds until the last step; None if it cannot be estimated."""
        if len(self.times) < 2 or self.job.planned_steps is None:
            return None
        typical = median(end - start for start, end in pairwise(self.times))
        return max(self.job.planned_steps - self.step, 0) * typical

    def picture(self) -> RenderableType:
        """Return the bar and the curves."""
        return Group(self._bar(), *self._curve_lines())

    def _bar(self) -> RenderableType:
        total = self.job.planned_steps
        if total is None:
            return Text(f"step {self.step}")
        row = Table.grid(padding=(0, 1))
        left = "" if self.left is None else f"about {duration_text(self.left)} left"
        bar = ProgressBar(total=total, completed=self.step, width=CURVE_WIDTH)
        row.add_row(f"{'steps':>8}", bar, f"{self.step}/{total}", left)
        return row

    def _curve_lines(self) -> list[Text]:
        return [
            Text(f"{name:>8} {sparkline(values, CURVE_WIDTH):{CURVE_WIDTH}} {values[-1]:.3f}")
            for name, values in self.curves.items()
            if values
        ]


def _response_limit(job: Job) -> int | None:
    """Return the most tokens of a response, from the configuration that the recorder saved."""
    path = config_file(job.folder)
    if not path.exists():
        return None
    limit = json.loads(path.read_text(encoding="utf-8"))["model"]["max_response_tokens"]
    return None if limit is None else int(limit)
