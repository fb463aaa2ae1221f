"""Runs `trinity run` as a child process: starts Ray if needed, shows each step, checks the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from trinity.common.config import Config

from trinity_chord.launch.display import RunDisplay
from trinity_chord.launch.jobs import Job, jobs_of, rename_if_taken
from trinity_chord.launch.progress import STALL_MINUTES, ProgressWatch
from trinity_chord.report.history import MetricsTail
from trinity_chord.report.model_card import write_cards
from trinity_chord.report.recorder import add_recorder, metrics_file
from trinity_chord.signals import sigterm_raises

NOT_ALL_STEPS = 3
STALLED = 4
STOP_SECONDS = 20.0
POLL_SECONDS = 0.3
ERROR_LINE = re.compile(r"Traceback|\bERROR\b|Error\b")


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes:
        code: Trinity's exit code, or `NOT_ALL_STEPS` if it was 0 but steps are missing, or
            `STALLED` if it was stopped because it made no progress.
        jobs: The run's jobs, one per stage.
        log: The file with Trinity's output.
        seconds: Wall time, including the start of Ray.
    """

    code: int
    jobs: list[Job]
    log: Path
    seconds: float


def run(
    config: Config,
    *,
    ray: str = "auto",
    console: Console | None = None,
    stall_minutes: float = STALL_MINUTES,
) -> RunResult:
    """Run a configuration with Trinity's launcher and show its progress.

    Only processes that were started here are stopped, however the run ends.

    Args:
        config: The configuration as loaded. It is changed in place: renamed if its folder is taken,
            and with the recorder as its monitor.
        ray: ``auto`` uses a running Ray, or starts one if there is none; ``own`` starts one.
        console: Where the progress is shown; the standard output if None.
        stall_minutes: Minutes without a new rollout, step or checkpoint after which the run is
            stopped; 0 for no limit.

    Returns:
        How the run ended.
    """
    console = console or Console()
    started = time.monotonic()
    rename_if_taken(config)
    add_recorder(config)
    log = _log_path(config)
    console.print(f"log: {log}", soft_wrap=True)
    scratch = tempfile.TemporaryDirectory(prefix="chord-run-")
    with sigterm_raises(), scratch as folder, _ray(config, ray) as env:
        yaml = Path(folder) / "config.yaml"
        config.save(str(yaml))
        jobs = jobs_of(config)
        code = _watch(_start(yaml, env, log), jobs, console, stall_minutes)
    for job in jobs:
        write_cards(job.folder, job.trainer)
    missing = [text for job in jobs if (text := job.missing())]
    if code == 0 and missing:
        code = NOT_ALL_STEPS
    if code == STALLED:
        missing.insert(0, _stalled_text(stall_minutes))
    if code:
        _explain(code, missing, log, console)
    return RunResult(code, jobs, log, time.monotonic() - started)


@contextmanager
def _ray(config: Config, choice: str) -> Iterator[Mapping[str, str]]:
    """Yield the environment in which a process finds Ray; start Ray if needed."""
    from trinity.utils.dlc_utils import is_running

    from trinity_chord.cpu import local_ray
    from trinity_chord.cpu.machine import has_gpu

    if choice == "auto" and is_running():
        yield os.environ
        return
    gpus, cpus = (None, None) if has_gpu() else (_processes_with_gpu(config), 32)
    with local_ray(num_gpus=gpus, num_cpus=cpus) as local:
        yield local.env


def _processes_with_gpu(config: Config) -> int:
    """Return how many GPUs Ray has to report on a machine without any, one per process."""
    cluster = config.cluster
    if cluster.node_num and cluster.gpu_per_node:
        return int(cluster.node_num * cluster.gpu_per_node)
    return int(config.explorer.rollout_model.engine_num) + 1 if config.mode != "train" else 1


def _log_path(config: Config) -> Path:
    folder = Path(os.path.abspath(config.checkpoint_root_dir)) / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    name = config.name.replace(os.sep, "-")
    return folder / f"{name}-{datetime.now():%Y%m%d-%H%M%S}.log"


def _start(yaml: Path, env: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "trinity.cli.launcher", "run", "--config", str(yaml)],
            env={**env, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_listen_to_interrupts,
        )


def _listen_to_interrupts() -> None:
    # Background jobs of a shell and their children ignore SIGINT, which `_stop` sends.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _watch(
    child: subprocess.Popen[bytes], jobs: list[Job], console: Console, stall_minutes: float
) -> int:
    """Show one line per step until the child ends; stop it if interrupted or if it stalls.

    Returns:
        The child's exit code, or `STALLED`.
    """
    progress = ProgressWatch(job.folder for job in jobs)
    tails = [(job, MetricsTail(metrics_file(job.folder, job.trainer))) for job in jobs]
    for _, tail in tails:
        tail.new_lines()  # Skips the lines that a resumed run wrote earlier.
    try:
        with RunDisplay(console) as display:
            while True:
                code = child.poll()
                for job, tail in tails:
                    for metrics in tail.new_lines():
                        display.step(job, metrics)
                if code is not None:
                    return code
                if 0 < stall_minutes * 60 <= progress.idle_seconds():
                    return STALLED
                time.sleep(POLL_SECONDS)
    finally:
        _stop(child)


def _stalled_text(minutes: float) -> str:
    return (
        f"stopped: no new rollout, step or checkpoint in {minutes:g} minutes; the log shows what "
        "the run waited for. `--stall-minutes` sets another limit, 0 none."
    )


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Interrupt the child's process group, and kill it if it does not end in time."""
    if child.poll() is not None:
        return
    for number in (signal.SIGINT, signal.SIGKILL):
        os.killpg(child.pid, number)
        try:
            child.wait(STOP_SECONDS)
            return
        except subprocess.TimeoutExpired:
            continue


def _explain(code: int, missing: list[str], log: Path, console: Console) -> None:
    """Show why a run failed: the steps that are missing and the log around its last error."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [i for i, line in enumerate(lines) if ERROR_LINE.search(line)]
    console.rule(f"[red]the run failed (exit {code})")
    for text in missing:
        console.print(text)
    start = max(errors[-1] - 20, 0) if errors else max(len(lines) - 20, 0)
    text = "\n".join(lines[start : start + 40])
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    console.print(f"full log: {log}", soft_wrap=True)
