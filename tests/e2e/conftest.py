"""A Ray shared by the tests of a module: starting it takes as long as training some runs."""

import pytest

from trinity_chord.cpu import local_ray


@pytest.fixture(scope="module")
def ray():
    with local_ray(num_gpus=2, num_cpus=32) as local:
        yield local
