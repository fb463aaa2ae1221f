"""Finds the package bfcl-eval: its data, its answers and its checker."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from trinity_chord.evaluation.errors import EvaluationError

DISTRIBUTION, MODULE = "bfcl-eval", "bfcl_eval"
SUPPORTED = "2026.3.23"
VARIABLE = "TRINITY_CHORD_BFCL"


@dataclass(frozen=True)
class Package:
    """An installed bfcl-eval.

    Attributes:
        folder: What must be on ``sys.path`` to import it.
        version: Its version; "unknown" where it was put there without its metadata.
        warning: What to tell where the version is not the supported one, else None.
    """

    folder: Path
    version: str
    warning: str | None

    @property
    def data(self) -> Path:
        """The folder of the benchmark's cases."""
        return self.folder / MODULE / "data"


def find_package(folder: Path | None = None) -> Package:
    """Finds bfcl-eval: in the given folder, else installed, else in ``bfcl`` of the environment.

    Args:
        folder: What was given to ``pip install --target``; None to look in the other places.

    Raises:
        EvaluationError: It is in none of these; the message has the command that installs it.
    """
    beside = Path(sys.prefix) / "bfcl"
    places = [folder] if folder is not None else [*_installed(), beside]
    for place in places:
        if (place / MODULE / "data").is_dir():
            return _package(place)
    looked = str(folder) if folder is not None else f"the environment and {beside}"
    raise EvaluationError(
        f"bfcl-eval was looked for in {looked} and is not there. {how_to_install(folder or beside)}"
    )


def how_to_install(folder: Path) -> str:
    """Returns the sentence and the command that put the supported version into a folder."""
    return (
        "Install it without its dependencies, which do not go together with Trinity's:\n  "
        f"{sys.executable} -m pip install --no-deps --upgrade --target {folder} "
        f"{DISTRIBUTION}=={SUPPORTED}"
    )


def _installed() -> list[Path]:
    spec = importlib.util.find_spec(MODULE)
    return [Path(place).parent for place in (spec.submodule_search_locations or ())] if spec else []


def _package(folder: Path) -> Package:
    found = distributions(name=DISTRIBUTION, path=[str(folder)])
    version = next((distribution.version for distribution in found), "unknown")
    warning = None
    if version != SUPPORTED:
        warning = (
            f"bfcl-eval in {folder} has version {version}; {SUPPORTED} is the one that this was "
            "tested with. Its cases may be others: compare scores of the same version alone."
        )
    return Package(folder, version, warning)
