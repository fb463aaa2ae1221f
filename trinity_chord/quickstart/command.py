"""The quickstart: prepare, evaluate, train with Trinity, evaluate again, report."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from trinity_chord.launch.load import load
from trinity_chord.launch.run import RunResult, run
from trinity_chord.quickstart import base_model_path, yaml_path
from trinity_chord.quickstart.data import write_data
from trinity_chord.quickstart.evaluate import Evaluation, evaluate
from trinity_chord.quickstart.task import held_out
from trinity_chord.report.charts.pictures import draw
from trinity_chord.report.history import read_history
from trinity_chord.report.memory import watch_memory
from trinity_chord.report.model_card import write_cards
from trinity_chord.report.page.build import write_page
from trinity_chord.report.reading.runs import read_runs
from trinity_chord.report.recorder import append_metrics, metrics_file

PACKAGES = ("trinity-chord", "trinity-rft", "verl", "ray", "torch", "transformers")
# The "before" and "after" of a training metric are means over this many steps.
WINDOW = 5
FIGURES = (
    ("reward of rollouts", "actor/usual/reward", "{:.3f}"),
    ("μ", "actor/mu", "{:.3f}"),
    ("entropy, nats", "actor/entropy_loss", "{:.3f}"),
    ("response length, tokens", "actor/usual/response_length", "{:.1f}"),
)


@dataclass(frozen=True)
class Outcome:
    """The result of a quickstart.

    Attributes:
        code: Exit code of the run.
        before: Evaluation of the base model on the held-out problems.
        after: The same for the trained model; None if the run failed.
        summary: The content of `summary.json`; empty if the run failed.
    """

    code: int
    before: Evaluation
    after: Evaluation | None
    summary: dict[str, Any]


def prepare(out: Path, seed: int) -> None:
    """Write the base model, the tasks, the demonstrations and the held-out problems.

    Args:
        out: Folder of the quickstart; its YAML reads model and data from there.
        seed: Seed of the tasks and demonstrations.
    """
    shutil.copytree(base_model_path(), out / "base", dirs_exist_ok=True)
    write_data(out / "data", seed)


def quickstart(
    config: Path | None, out: Path, seed: int, overrides: list[str], console: Console
) -> Outcome:
    """Run the quickstart and leave the page, `curves.png` and `summary.json` in its folder.

    Args:
        config: A YAML to run; the packaged one if None.
        out: Folder of the run.
        seed: Seed of the data, of the order of the expert rows and of the rollouts.
        overrides: `dotted.key=value` for the YAML.
        console: Where to show the progress and the table.

    Raises:
        ConfigFileError: The YAML or an override cannot be loaded; nothing is written.
    """
    started = time.monotonic()
    os.environ["QUICKSTART_DIR"] = str(out.absolute())
    seeds = [
        f"explorer.rollout_model.seed={seed}",
        f"algorithm.sample_strategy_args.expert_seed={seed}",
    ]
    loaded = load(config or yaml_path(), [*seeds, *overrides])
    console.print(f"[bold]quickstart[/bold], seed {seed}, in {out}", soft_wrap=True)
    prepare(out, seed)
    problems = held_out()
    before = evaluate(out / "base", problems)
    console.print(f"held-out accuracy of the base model: {before.accuracy:.1%}", highlight=False)
    with watch_memory() as peak:
        result = run(loaded, ray="own", console=console)
    if result.code:
        return Outcome(result.code, before, None, {})
    job = result.jobs[-1]
    steps = job.steps_done()
    after = evaluate(job.folder / f"global_step_{steps}" / "actor" / "huggingface", problems)
    for step, evaluation in ((0, before), (steps, after)):
        append_metrics(metrics_file(job.folder, "evaluation"), step, evaluation.metrics())
    write_cards(job.folder, job.trainer)  # again, now with the scores
    summary = {
        "accuracy_before": before.accuracy,
        "accuracy_after": after.accuracy,
        "accuracy_by_level_before": before.by_level,
        "accuracy_by_level_after": after.by_level,
        "steps": steps,
        "seconds": round(time.monotonic() - started, 1),
        "peak_memory_bytes": peak.bytes,
        "seed": seed,
        "versions": {name: version(name) for name in PACKAGES},
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    _report(result, before, after, summary, out, console)
    return Outcome(0, before, after, summary)


def _report(
    result: RunResult,
    before: Evaluation,
    after: Evaluation,
    summary: dict[str, Any],
    out: Path,
    console: Console,
) -> None:
    history = read_history(result.jobs[-1].folder, result.jobs[-1].trainer)
    title = f"quickstart, seed {summary['seed']}"
    runs, problems = read_runs([f"{title}={job.folder}" for job in result.jobs])
    picture = draw(runs, out / "curves.png", title=title)
    page = write_page(runs, out / "report.html", problems, title)
    table = Table(title="the quickstart", title_justify="left")
    for heading in ("", "before", "after"):
        table.add_column(heading, justify="left" if not heading else "right")
    hardest = max(after.by_level)
    table.add_row("held-out accuracy", f"{before.accuracy:.1%}", f"{after.accuracy:.1%}")
    for level in sorted(after.by_level):
        name = f"  {level} digit{'s' * (level > 1)}{'  (hardest)' * (level == hardest)}"
        table.add_row(name, f"{before.by_level[level]:.1%}", f"{after.by_level[level]:.1%}")
    for name, metric, form in FIGURES:
        values = [row[metric] for row in history if metric in row]
        if values:
            first, last = _mean(values[:WINDOW]), _mean(values[-WINDOW:])
            table.add_row(name, form.format(first), form.format(last))
    table.add_row("time", "", f"{summary['seconds']:.0f} s for {summary['steps']} steps")
    table.add_row("peak memory", "", f"{summary['peak_memory_bytes'] / 2**30:.1f} GiB")
    console.print(table)
    files = {"page": page, "curves": picture, "summary": out / "summary.json"}
    for name, path in files.items():
        console.print(f"{name}: {path}", soft_wrap=True, highlight=False)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
