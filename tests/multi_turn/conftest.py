import pytest

from trinity_chord.bfcl_package import find_package
from trinity_chord.multi_turn.simulators import Simulators


@pytest.fixture(scope="session")
def simulators():
    with_limits = Simulators(find_package(), timeout=60)
    yield with_limits
    with_limits.close()
