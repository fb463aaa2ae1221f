"""For all tests: no network, and the memory that they took in all."""

import os

import pytest

from trinity_chord.report.memory import watch_memory

# Before anything imports the libraries that read it; inherited by all that the tests start.
os.environ["HF_HUB_OFFLINE"] = "1"

GIBIBYTE = 2**30
PEAK = pytest.StashKey[int]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtestloop(session: pytest.Session):
    if "PYTEST_XDIST_WORKER" in os.environ:  # the process that started it looks
        yield
        return
    with watch_memory() as peak:
        yield
    session.config.stash[PEAK] = peak.bytes


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if PEAK in config.stash:
        terminalreporter.write_line(f"peak memory: {config.stash[PEAK] / GIBIBYTE:.1f} GiB")
