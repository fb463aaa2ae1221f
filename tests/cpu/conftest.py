"""Fixtures of the CPU tests."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import tiny  # noqa: E402


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer model."""
    return tiny.make_model(tmp_path_factory.mktemp("model"))
