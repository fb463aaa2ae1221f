import pytest

from trinity_chord.bfcl_package import find_package
from trinity_chord.evaluation.bfcl.cases import load_cases
from trinity_chord.evaluation.bfcl.official import load_official


@pytest.fixture(scope="session")
def package():
    return find_package()


@pytest.fixture(scope="session")
def official(package):
    return load_official(package)


@pytest.fixture(scope="session")
def cases(package, official):
    return load_cases(package, official)
