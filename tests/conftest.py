"""For all tests: no network, the longest first, and the memory that they took in all."""

import os

import pytest

from tests.shapes import check_shapes
from trinity_chord.report.memory import watch_memory

check_shapes()  # before anything imports the objective

# Before anything imports the libraries that read it; inherited by all that the tests start.
os.environ["HF_HUB_OFFLINE"] = "1"

GIBIBYTE = 2**30
PEAK = pytest.StashKey[int]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with long tests go first, so that no process is left with one at the end."""
    long: dict[object, int] = {}
    for item in items:
        marks = [mark for mark in ("e2e", "slow") if item.get_closest_marker(mark)]
        long[item.parent] = max(long.get(item.parent, 0), len(marks))
    items.sort(key=lambda item: -long[item.parent])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtestloop(session: pytest.Session):
    if "PYTEST_XDIST_WORKER" in os.environ:  # the process that started it looks
        yield
        return
    with watch_memory(seconds=10.0) as peak:
        yield
    session.config.stash[PEAK] = peak.bytes


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if PEAK in config.stash:
        terminalreporter.write_line(f"peak memory: {config.stash[PEAK] / GIBIBYTE:.1f} GiB")
