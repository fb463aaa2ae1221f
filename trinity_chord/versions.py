"""The versions of Trinity-RFT and verl that this package supports."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from trinity_chord.errors import ChordError

SUPPORTED = {"trinity-rft": ">=0.6.0,<0.7", "verl": ">=0.8.0,<0.9"}


class UnsupportedVersionError(ChordError, RuntimeError):
    """An installed Trinity-RFT or verl is not one that this package supports."""


def require_supported_versions() -> None:
    """Check the installed versions of Trinity-RFT and verl.

    Raises:
        UnsupportedVersionError: Names each package, the version found and the range expected.
    """
    wrong = []
    for package, supported in SUPPORTED.items():
        got = installed_version(package)
        if got is None or not SpecifierSet(supported).contains(Version(got), prereleases=True):
            wrong.append(f"{package}: got {got or 'none'}, expected {supported}")
    if wrong:
        packages = " ".join(f"'{package}{supported}'" for package, supported in SUPPORTED.items())
        raise UnsupportedVersionError.from_problems(
            "trinity-chord does not support the installed versions",
            wrong,
            f"Install supported ones: pip install {packages}",
        )


def installed_version(package: str) -> str | None:
    """Return the version of an installed package, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
