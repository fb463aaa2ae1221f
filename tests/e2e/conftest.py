"""A Ray that the tests of a module share; it takes as long to start as some runs to train."""

import pytest

from trinity_chord.cpu import local_ray


@pytest.fixture(scope="module")
def ray():
    with local_ray(num_gpus=2, num_cpus=32) as local:
        yield local
