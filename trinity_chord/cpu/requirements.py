"""What the mends were made for, and whether they are needed."""

import functools
from importlib import metadata

from packaging.specifiers import SpecifierSet

MADE_FOR = {"trinity-rft": ">=0.6,<0.7", "verl": ">=0.8,<0.9"}


def has_gpu() -> bool:
    """Whether torch can use a CUDA device in this process."""
    import torch

    return torch.cuda.is_available()


@functools.cache
def check_versions() -> None:
    """Refuse a Trinity or a verl that the mends were not made for.

    Raises:
        RuntimeError: names the versions found and those wanted.
    """
    found = {name: metadata.version(name) for name in MADE_FOR}
    if all(SpecifierSet(wanted).contains(found[name]) for name, wanted in MADE_FOR.items()):
        return
    raise RuntimeError(
        "Running Trinity without a GPU needs "
        + " and ".join(f"{name} {wanted}" for name, wanted in MADE_FOR.items())
        + ", but found "
        + " and ".join(f"{name} {version}" for name, version in found.items())
        + ". Install versions in these ranges, or run on a machine with a GPU."
    )
