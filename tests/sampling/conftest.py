"""Fixtures of the sampling tests."""

from pathlib import Path

import pytest

from tests.tiny_model import make_model_folder


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer model."""
    return make_model_folder(tmp_path_factory.mktemp("model"))
