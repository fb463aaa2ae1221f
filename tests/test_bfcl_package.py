import sys
from pathlib import Path

import pytest

from trinity_chord.bfcl_package import SUPPORTED, BfclError, find_package


def install(folder: Path, version: str | None) -> Path:
    (folder / "bfcl_eval" / "data").mkdir(parents=True)
    (folder / "bfcl_eval" / "__init__.py").touch()
    if version:
        info = folder / f"bfcl_eval-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: bfcl-eval\nVersion: {version}\n")
    return folder


@pytest.fixture
def empty_environment(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    monkeypatch.delitem(sys.modules, "bfcl_eval", raising=False)
    return tmp_path


def test_the_given_folder_is_used(empty_environment):
    folder = install(empty_environment / "given", SUPPORTED)
    install(empty_environment / "env" / "bfcl", SUPPORTED)
    found = find_package(folder)
    assert (found.folder, found.version, found.warning) == (folder, SUPPORTED, None)


def test_an_installed_package_takes_precedence_over_the_default_folder(
    empty_environment, monkeypatch
):
    installed = install(empty_environment / "site-packages", SUPPORTED)
    install(empty_environment / "env" / "bfcl", SUPPORTED)
    monkeypatch.syspath_prepend(str(installed))
    assert find_package().folder == installed


def test_the_default_folder_is_used(empty_environment):
    folder = install(empty_environment / "env" / "bfcl", SUPPORTED)
    assert find_package().folder == folder


def test_a_missing_package_is_reported_with_the_install_command(empty_environment):
    with pytest.raises(BfclError) as caught:
        find_package()
    wanted = f"pip install --no-deps --upgrade --target {sys.prefix}/bfcl bfcl-eval=={SUPPORTED}"
    assert wanted in str(caught.value)


def test_a_folder_without_the_package_is_reported_with_the_command_for_that_folder(tmp_path):
    with pytest.raises(BfclError, match=f"--target {tmp_path} bfcl-eval=={SUPPORTED}"):
        find_package(tmp_path)


@pytest.mark.parametrize(("version", "shown"), [("2025.1.1", "2025.1.1"), (None, "unknown")])
def test_another_version_gives_a_warning(version, shown, tmp_path):
    found = find_package(install(tmp_path, version))
    assert found.version == shown
    assert f"got version {shown}, expected {SUPPORTED}" in found.warning
