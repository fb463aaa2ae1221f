"""Finds the package bfcl-eval, which holds the cases, their answers and the checker."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from trinity_chord.errors import ChordError

DISTRIBUTION, MODULE = "bfcl-eval", "bfcl_eval"
SUPPORTED = "2026.3.23"
VARIABLE = "TRINITY_CHORD_BFCL"
"""The environment variable for the option `--bfcl-eval`."""


class BfclError(ChordError, ValueError):
    """bfcl-eval is not installed, or its data cannot be read; the message says what to do."""


@dataclass(frozen=True)
class Package:
    """An installed bfcl-eval.

    Attributes:
        folder: The folder that must be on `sys.path` to import it.
        version: Its version; "unknown" if it was installed without metadata.
        warning: A warning to show if the version is not the supported one, otherwise None.
    """

    folder: Path
    version: str
    warning: str | None

    @property
    def data(self) -> Path:
        """The folder of the benchmark's cases."""
        return self.folder / MODULE / "data"


def find_package(folder: Path | None = None) -> Package:
    """Find bfcl-eval in the given folder, otherwise installed, otherwise in `sys.prefix`/bfcl.

    Args:
        folder: The folder given to `pip install --target`; None searches the other places.

    Raises:
        BfclError: It is in none of them; the message has the command that installs it.
    """
    default = Path(sys.prefix) / "bfcl"
    places = [folder] if folder is not None else [*_installed(), default]
    for place in places:
        if (place / MODULE / "data").is_dir():
            return _package(place)
    searched = str(folder) if folder is not None else f"the environment and {default}"
    raise BfclError(f"bfcl-eval is not in {searched}. {how_to_install(folder or default)}")


def how_to_install(folder: Path) -> str:
    """Return the command, with an introduction, that installs the supported version."""
    return (
        "Install it without its dependencies, which conflict with Trinity's:\n  "
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
            f"bfcl-eval in {folder}: got version {version}, expected {SUPPORTED}. Its cases may "
            "differ: compare only scores of the same version."
        )
    return Package(folder, version, warning)
