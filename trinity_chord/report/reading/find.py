"""Finds the runs in the folders that a user names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trinity_chord.path_hints import list_nearby
from trinity_chord.report.reading import wandb_offline
from trinity_chord.report.reading.metrics import Reading
from trinity_chord.report.reading.sources import EVENTS, read_recorded, read_tensorboard
from trinity_chord.report.recorder import metrics_file
from trinity_chord.report.text import visible

# Folders that hold large files of a run and no metrics.
PRUNED = ("global_step_", "expert_tokens", "huggingface", ".")
DEPTH = 6
# Names of folders that say nothing about a run.
COMMON = ("/", "checkpoints", "runs", "wandb", "monitor", "tensorboard")
# The folders in which Trinity keeps the tensorboard files of a job.
ROLES = ("trainer", "explorer")


@dataclass(frozen=True)
class Found:
    """The files of a run.

    Attributes:
        label: The user's own name for it, if any.
        folder: The job's folder, or the one with the monitor's files.
        wandb: The files of wandb; none if the run has others.
    """

    label: str | None
    folder: Path
    wandb: tuple[Path, ...] = ()

    def read(self) -> Reading:
        """Read the metrics."""
        if self.wandb:
            return wandb_offline.read_wandb(self.wandb)
        recorded = read_recorded(self.folder)
        return recorded if recorded.metrics else read_tensorboard(self.folder)

    def path(self) -> Path:
        """Return the folder, followed by the run's name if the folder may hold several."""
        return self.folder.absolute() / (_name_in(self.wandb[0]) if self.wandb else "")


def find_runs(arguments: Sequence[str]) -> tuple[list[Found], list[str]]:
    """Find the runs that the arguments of the command name.

    Args:
        arguments: Folders, each with one run or more below it; ``label=folder`` names its runs.

    Returns:
        The runs, and one text for each argument in which there is none.
    """
    found: list[Found] = []
    problems = []
    for argument in arguments:
        label, path = _split(argument)
        if not path.exists():
            problems.append(f"{path}: does not exist. {list_nearby(path)}")
            continue
        below = [Found(label, each.folder, each.wandb) for each in _below(path)]
        known = {(each.folder.resolve(), each.wandb) for each in found}
        found += [each for each in below if (each.folder.resolve(), each.wandb) not in known]
        if not below:
            problems.append(
                f"{path}: has no metrics yet, or none that can be read; expected a folder of "
                "`trinity-chord run` or `quickstart`, or one with files of tensorboard or wandb"
            )
    return found, problems


def unique_labels(found: Sequence[Found]) -> list[str]:
    """Return a short label for each run: the parts of its path that not all others have."""
    paths = [each.path().parts for each in found]
    shared = set(paths[0]).intersection(*paths) if len(paths) > 1 else set(paths[0][:-1])
    labels: list[str] = []
    for each, parts in zip(found, paths, strict=True):
        own = [part for part in parts if part not in shared and part not in COMMON]
        own = own or [parts[-1]]
        label = each.label or "/".join(own)
        if each.label and sum(other.label == each.label for other in found) > 1:
            label = "/".join([each.label, *own])
        label = visible(label, 100)
        same = sum(other == label or other.startswith(f"{label} (") for other in labels)
        labels.append(f"{label} ({same + 1})" if same else label)
    return labels


def _split(argument: str) -> tuple[str | None, Path]:
    """Return the label and the path of ``label=path``; either may have equals signs itself."""
    ends = [i for i, letter in enumerate(argument) if letter == "=" and i]
    if Path(argument).exists() or not ends:
        return None, Path(argument)
    end = next((i for i in ends if Path(argument[i + 1 :]).exists()), ends[0])
    return argument[:end], Path(argument[end + 1 :])


def _below(path: Path) -> list[Found]:
    """Return the runs at or below a path; a path inside a job's folder means the job."""
    path = next((each for each in (path, *path.absolute().parents[:3]) if _is_job(each)), path)
    jobs: list[Path] = []
    of_tensorboard: list[Path] = []
    of_wandb: dict[str, list[Path]] = {}
    for name, folders, files in os.walk(path):
        here = Path(name)
        if _is_job(here):
            jobs.append(here)
            folders.clear()
        if len(here.relative_to(path).parts) >= DEPTH:
            folders.clear()
        folders[:] = sorted(each for each in folders if not each.startswith(PRUNED))
        if _events(here):
            of_tensorboard.append(here.parent if here.name in ROLES else here)
        for file in files:
            if file.endswith(".wandb"):
                of_wandb.setdefault(_name_in(here / file), []).append(here / file)
    found = [Found(None, each) for each in dict.fromkeys(jobs or of_tensorboard)]
    return found or [Found(None, path, tuple(sorted(logs))) for logs in of_wandb.values()]


def _is_job(folder: Path) -> bool:
    """Return whether a folder is a job's, with metrics of the recorder or of tensorboard."""
    recorded = metrics_file(folder, "trainer").parent
    if recorded.is_dir() and any(each.stat().st_size for each in recorded.glob("*.jsonl")):
        return True
    return any(_events(folder / "monitor" / "tensorboard" / role) for role in ROLES)


def _events(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob(EVENTS))


def _name_in(log: Path) -> str:
    """Return the name of the run in a file of wandb; a damaged file is a run of its own."""
    try:
        return wandb_offline.run_name(log)
    except Exception:  # protobuf raises its own errors; reading the file will report it
        return str(log)
