"""For all tests: no network, long modules first, and a report of the peak memory."""

import os

import pytest
from hypothesis import settings

from tests.shapes import check_shapes
from trinity_chord.report.memory import watch_memory

check_shapes()  # Before anything imports the objective.

# The same examples in every run.
settings.register_profile("seeded", derandomize=True)
settings.load_profile("seeded")

# Set before the libraries that read it are imported; inherited by all processes of the tests.
os.environ["HF_HUB_OFFLINE"] = "1"

GIBIBYTE = 2**30
PEAK = pytest.StashKey[int]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run modules with long tests first, so that no process is left with one at the end."""
    long: dict[object, int] = {}
    for item in items:
        marks = [mark for mark in ("e2e", "slow") if item.get_closest_marker(mark)]
        long[item.parent] = max(long.get(item.parent, 0), len(marks))
    items.sort(key=lambda item: -long[item.parent])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtestloop(session: pytest.Session):
    if "PYTEST_XDIST_WORKER" in os.environ:  # The process that started it measures.
        yield
        return
    with watch_memory(seconds=10.0) as peak:
        yield
    session.config.stash[PEAK] = peak.bytes


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if PEAK in config.stash:
        terminalreporter.write_line(f"peak memory: {config.stash[PEAK] / GIBIBYTE:.1f} GiB")
