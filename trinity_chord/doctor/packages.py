"""Compares the installed packages with what this package requires."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import metadata, requires

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from trinity_chord.doctor.findings import Finding, State
from trinity_chord.versions import installed_version

OURS = "trinity-chord"
# Shown even if they are right; another requirement is shown only if it is not met.
SHOWN = ("trinity-rft", "verl", "torch", "ray", "transformers")
ENGINE = "vllm"


def examine_packages(gpus: int) -> Iterator[Finding]:
    """Yield the version of Python and of the main packages, and every requirement not met.

    Args:
        gpus: Number of GPUs of this machine, which need the rollout engine.
    """
    supported = metadata(OURS)["Requires-Python"]
    yield _compare("python", platform.python_version(), supported, f"use Python {supported}")
    required = [Requirement(text) for text in requires(OURS) or []]
    # Without the extra "none", a marker such as `extra == "dev"` cannot be evaluated.
    base = [each for each in required if not each.marker or each.marker.evaluate({"extra": "none"})]
    for each in sorted(base, key=lambda each: each.name not in SHOWN):
        found = _requirement(each)
        if each.name in SHOWN or found.state is not State.good:
            yield found
    yield _engine(gpus)


def _requirement(requirement: Requirement) -> Finding:
    command = f"pip install '{requirement.name}{requirement.specifier}'"
    found = installed_version(requirement.name)
    return _compare(requirement.name, found, str(requirement.specifier), command)


def _compare(name: str, found: str | None, supported: str, hint: str) -> Finding:
    wanted = f"expected {supported}" if supported else "expected"
    if found is None:
        return Finding(name, f"not installed, {wanted}", State.bad, hint)
    if not SpecifierSet(supported).contains(found, prereleases=True):
        return Finding(name, f"{found}, {wanted}", State.bad, hint)
    return Finding(name, f"{found} ({supported})" if supported else found)


def _engine(gpus: int) -> Finding:
    """Return the version of vLLM, which only a machine with GPUs needs."""
    found = installed_version(ENGINE)
    wanted = [
        requirement
        for requirement in map(Requirement, requires("trinity-rft") or [])
        if requirement.name == ENGINE
    ]
    supported = str(wanted[0].specifier) if wanted else ""
    if found is None and not gpus:
        return Finding(ENGINE, "not installed; without a GPU, transformers makes the rollouts")
    return _compare(ENGINE, found, supported, "pip install 'trinity-chord[gpu]'")
