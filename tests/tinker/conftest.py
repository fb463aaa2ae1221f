"""Configurations as in tests/plugin, for Trinity's Tinker trainer."""

import pytest

from tests.plugin.conftest import (  # noqa: F401
    _datasets_offline,
    checked,
    expert_path,
    load,
    model_path,
    reported,
    root,
    yaml_tree,
)
from tests.tiny_model import make_model_folder

TINKER = {"model.tinker.enable": True, "cluster": {}}


@pytest.fixture(scope="session")
def reference_path(tmp_path_factory):
    """A reference model other than the trained model, so that the KL is not 0."""
    return str(make_model_folder(tmp_path_factory.mktemp("reference"), seed=1))


@pytest.fixture
def service(model_path, reference_path, monkeypatch):  # noqa: F811
    """The local service, in place of Tinker's."""
    from tests.tinker.local_service import LocalService, use

    service = LocalService(model_path, reference_path)
    use(service, monkeypatch)
    return service


@pytest.fixture
def checked_for_tinker(checked, service):  # noqa: F811
    """Load the run with changes for Tinker and run all of Trinity's validators on it."""
    return lambda changes=None: checked({**TINKER, **(changes or {})})
