import pytest

from trinity_chord import versions


def test_the_installed_versions_are_supported():
    versions.require_supported_versions()


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"trinity-rft": "0.7.1", "verl": "0.8.0"}, r"trinity-rft: got 0\.7\.1, expected >=0\.6"),
        ({"trinity-rft": "0.6.0", "verl": "0.7.1"}, r"verl: got 0\.7\.1, expected >=0\.8"),
        ({"trinity-rft": "0.6.0", "verl": None}, r"verl: got none"),
        ({"trinity-rft": "0.5", "verl": "0.9"}, r"(?s)trinity-rft: got 0\.5.*verl: got 0\.9"),
    ],
)
def test_other_versions_are_refused_by_name(monkeypatch, found, message):
    monkeypatch.setattr(versions, "installed_version", found.get)
    with pytest.raises(versions.UnsupportedVersionError, match=message):
        versions.require_supported_versions()
