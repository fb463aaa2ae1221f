"""Configurations as in tests/plugin, for Trinity's Tinker trainer."""

import pytest

from tests.plugin.conftest import (  # noqa: F401
    _datasets_offline,
    checked,
    expert_path,
    load,
    model_path,
    root,
    told,
    yaml_tree,
)

TINKER = {"model.tinker.enable": True, "cluster": {}}


@pytest.fixture
def service(model_path, monkeypatch):  # noqa: F811
    """The local service, put in the place of Tinker's."""
    from tests.tinker.local_service import LocalService, use

    service = LocalService(model_path)
    use(service, monkeypatch)
    return service


@pytest.fixture
def checked_for_tinker(checked, service):  # noqa: F811
    """Load the run with changes for Tinker and put it through all of Trinity's validators."""
    return lambda changes=None: checked({**TINKER, **(changes or {})})
