"""Starts `trinity-chord run` on small copies of the quickstart, as a user would."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.tiny_model import make_model_folder
from trinity_chord.quickstart.data import write_data
from trinity_chord.report.history import read_history

CONFIGS = Path(__file__).parents[2] / "configs"
TIMEOUT = 400


def make_folder(folder: Path) -> Path:
    """Write a tiny random model and data where the quickstart's YAML expects them."""
    make_model_folder(folder / "base")
    write_data(folder / "data", seed=0, n_tasks=64, n_demonstrations=10)
    return folder


def command(*arguments: object, **env: str) -> str:
    """Run a command of trinity-chord to its end, which must be a good one; return its output."""
    done = subprocess.run(
        [sys.executable, "-m", "trinity_chord.cli", *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **env},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def launch(config: Path, **env: str) -> None:
    """Run a YAML by Trinity's own launcher, to its end, which must be a good one."""
    finished = subprocess.run(
        [sys.executable, "-m", "trinity.cli.launcher", "run", "--config", config],
        env={**os.environ, "OMP_NUM_THREADS": "1", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
    )
    assert finished.returncode == 0, finished.stdout[-8000:]


def small(*, steps: int, ranks: int = 1) -> tuple[str, ...]:
    """Return the overrides for a few steps of the smallest possible job."""
    return (
        f"cluster.gpu_per_node={ranks + 1}",
        "explorer.runner_per_model=1",
        f"buffer.total_steps={steps}",
        f"trainer.total_steps={steps}",
    )


class Run:
    """A run in a folder."""

    def __init__(self, folder: Path, yaml: Path, *overrides: str):
        self.folder = folder
        sets = [part for text in overrides for part in ("--set", text)]
        self.command = [sys.executable, "-m", "trinity_chord.cli", "run", str(yaml), "--ray", "own"]
        self.command += sets
        self.env = {**os.environ, "QUICKSTART_DIR": str(folder), "OMP_NUM_THREADS": "1"}
        self.log = folder / "output.txt"

    def finish(self, timeout: float = TIMEOUT) -> subprocess.CompletedProcess:
        """Run to the end."""
        return subprocess.run(
            self.command, env=self.env, capture_output=True, text=True, timeout=timeout
        )

    def until(self, step: int) -> set[psutil.Process]:
        """Run in the background until a step is logged; kill the run and return its processes."""
        with self.log.open("w") as output:
            child = subprocess.Popen(
                self.command,
                env=self.env,
                stdout=output,
                stderr=output,
                # Like a command with `&` in a shell without job control.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
            )
        try:
            deadline = time.monotonic() + TIMEOUT
            while not any(row["step"] >= step for row in self.history()):
                assert child.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.1)
            processes = set(psutil.Process(child.pid).children(recursive=True))
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(60)
        return processes

    @property
    def job(self) -> Path:
        return self.folder / "checkpoints" / "trinity-chord" / "quickstart"

    def history(self, role: str = "trainer") -> list[dict]:
        return read_history(self.job, role)

    def trainer_state(self) -> dict:
        return json.loads((self.job / "trainer_meta.json").read_text())
