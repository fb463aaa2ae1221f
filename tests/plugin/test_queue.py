"""The sample strategy on Trinity's real queue and database.

Ray reads its address and its token when a process starts, so `queue_cases` runs in its own process
with its own Ray, and each of its tests is reported here.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugin import queue_cases
from trinity_chord.cpu import local_ray

pytestmark = pytest.mark.slow

CASES = [name for name in vars(queue_cases) if name.startswith("test_")]


@pytest.fixture(scope="module")
def output():
    """The output of pytest for all cases."""
    file = Path(queue_cases.__file__)
    with local_ray(num_gpus=2, num_cpus=8) as own_ray:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", str(file)],
            env=own_ray.env,
            cwd=file.parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
        )
    return done.stdout


@pytest.mark.parametrize("case", CASES)
def test_on_a_real_queue(output, case):
    passed = f"PASSED tests/plugin/queue_cases.py::{case}"
    assert passed in output.splitlines(), output[-20000:]
