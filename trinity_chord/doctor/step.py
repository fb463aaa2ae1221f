"""Trains one step of the quickstart: explorer, trainer, buffers, weight sync and checkpoint."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from rich.console import Console

from trinity_chord.doctor.findings import Finding, State
from trinity_chord.errors import ChordError

# One small step, and as few processes as there can be: starting them takes nearly all the time.
ONE_STEP = (
    "trainer.total_steps=1",
    "buffer.total_steps=1",
    "buffer.batch_size=2",
    "algorithm.repeat_times=2",
    "algorithm.sample_strategy_args.expert_rows=2",
    "explorer.runner_per_model=1",
    "algorithm.entropy_loss_fn=none",
)
WITH_GPU = (
    "not tried: this step is for machines without a GPU",
    "trinity-chord init chord --gpus 1, then trinity-chord run chord.yaml --set "
    "trainer.total_steps=1",
)


def train_one_step(gpus: int) -> Finding:
    """Train one step with a Ray of its own.

    Args:
        gpus: Number of GPUs of this machine.

    Returns:
        How it went; after a failure, the log is kept.
    """
    if gpus:
        return Finding("one step", WITH_GPU[0], State.note, WITH_GPU[1])
    from trinity_chord.launch.load import load
    from trinity_chord.launch.run import run
    from trinity_chord.quickstart import base_model_path, yaml_path
    from trinity_chord.quickstart.data import write_data

    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="chord-doctor-"))
    shutil.copytree(base_model_path(), folder / "base")
    write_data(folder / "data", seed=0, n_tasks=8, n_demonstrations=8)
    os.environ["QUICKSTART_DIR"] = str(folder)
    try:
        result = run(load(yaml_path(), ONE_STEP), ray="own", console=Console(stderr=True))
    except ChordError as error:
        return Finding("one step", f"not started: {error}", State.bad)
    seconds = time.monotonic() - started
    if result.code:
        return Finding("one step", f"failed after {seconds:.0f} s", State.bad, f"log: {result.log}")
    shutil.rmtree(folder)
    return Finding("one step", f"trained and saved in {seconds:.0f} s")
