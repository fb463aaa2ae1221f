"""Run the study: ``python -m examples.study.run tuning main conditions clip scaling``.

Every finished run is one line of results/<part>.jsonl. A run that is there is not repeated, so a
study that was stopped continues.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import torch
import transformers

from examples.study.cells import Cell
from examples.study.grid import PARTS, TUNED, choose, missing, tuning
from examples.study.loop import train
from examples.study.results import FOLDER, load

DIGITS = 4


def end_with_parent() -> None:
    """Let a worker process end when the study is stopped, instead of finishing its run."""

    def wait() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def train_cell(cell: Cell) -> dict[str, Any]:
    """Train a cell in a process with one thread."""
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return {**train(cell, device), "machine": machine(device)}


def machine(device: torch.device) -> dict[str, str]:
    """Return what a result may depend on besides its cell."""
    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.machine()
    return {
        "device": name,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "commit": _commit(),
    }


def _commit() -> str:
    """Return $GIT_COMMIT, for a copy without a repository, or the checkout's commit."""
    if given := os.environ.get("GIT_COMMIT"):
        return given
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def run(cells: Sequence[Cell], path: Path, processes: int) -> None:
    """Train cells and append their results to a file as they come, with progress."""
    context = multiprocessing.get_context("spawn")
    began = time.monotonic()
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        ProcessPoolExecutor(processes, context, initializer=end_with_parent) as pool,
        path.open("a") as file,
    ):
        futures = [pool.submit(train_cell, cell) for cell in cells]
        for done, future in enumerate(as_completed(futures), 1):
            record = future.result()
            rounded = {**_rounded(record), "cell": record["cell"]}
            file.write(json.dumps(rounded, sort_keys=True) + "\n")
            file.flush()
            left = (time.monotonic() - began) / done * (len(cells) - done) / 60
            print(f"{path.stem}: {done}/{len(cells)} runs, {left:.0f} min left", flush=True)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value


def run_part(part: str, folder: Path, processes: int) -> None:
    """Run what is missing of a part; the tuning ends with tuned.json."""
    path = folder / f"{part}.jsonl"
    if part != "tuning":
        todo = missing(PARTS[part](), load(part, folder))
        run(todo, path, processes)
        return
    while todo := missing(tuning(load(part, folder)), load(part, folder)):
        run(todo, path, processes)
    TUNED.write_text(json.dumps(choose(load(part, folder)), indent=1) + "\n")


def main() -> None:
    """Run parts of the study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="+", choices=["tuning", *PARTS])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--results", type=Path, default=FOLDER)
    args = parser.parse_args()
    for part in args.parts:
        run_part(part, args.results, args.processes)


if __name__ == "__main__":
    main()
