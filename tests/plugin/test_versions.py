"""A Trinity or verl that is not supported is named, with the version expected."""

import subprocess
import sys
import textwrap

import pytest

from trinity_chord import versions


@pytest.mark.parametrize(
    ("package", "found", "wanted"),
    [
        ("trinity-rft", "0.5.2", ">=0.6.0,<0.7"),
        ("trinity-rft", "0.7.0", ">=0.6.0,<0.7"),
        ("verl", "0.7.1", ">=0.8.0,<0.9"),
        ("verl", None, ">=0.8.0,<0.9"),
    ],
)
def test_a_run_is_refused(load, root, monkeypatch, package, found, wanted):
    real = versions.installed_version
    monkeypatch.setattr(
        versions, "installed_version", lambda name: found if name == package else real(name)
    )
    with pytest.raises(versions.UnsupportedVersionError) as caught:
        load().check_and_update()
    assert f"{package}: got {found or 'none'}, expected {wanted}" in str(caught.value)


def test_the_error_is_shown_in_a_process_that_has_not_imported_the_plugin(load, tmp_path):
    load()
    code = f"""
        import importlib.metadata as metadata
        real = metadata.version
        metadata.version = lambda name: "0.9.1" if name == "verl" else real(name)
        from trinity.common.config import load_config
        config = load_config({str(tmp_path / "config.yaml")!r})
        try:
            config.check_and_update()
        except Exception as error:
            print(type(error).__name__, error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert "UnsupportedVersionError" in done.stdout, done.stdout + done.stderr
    assert "verl: got 0.9.1, expected >=0.8.0,<0.9" in done.stdout
