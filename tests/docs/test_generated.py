"""What `make generate` writes is what the repository holds."""

import re

import pytest

from tools.generate import ROOT, generate

# Only generators write here.
GENERATED_FOLDERS = ("configs/math", "configs/presets", "configs/tool")


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("generated"))


def comparable(path, content):
    """A picture by its texts, since each version of matplotlib draws other curves; else all."""
    return re.findall(rb"<text[^>]*>([^<]+)</text>", content) if path.suffix == ".svg" else content


def test_nothing_is_stale(generated):
    stale = [
        str(path)
        for path, content in generated.items()
        if not (ROOT / path).is_file()
        or comparable(path, content) != comparable(path, (ROOT / path).read_bytes())
    ]
    assert stale == [], "run `make generate`"


def test_every_generator_writes_something(generated):
    kinds = {path.parts[:2] for path in generated}
    assert {
        ("docs", "family.md"),
        ("docs", "configuration.md"),
        ("configs", "presets"),
        ("configs", "math"),
        ("configs", "tool"),
    } <= kinds


def test_no_file_is_left_over(generated):
    there = {
        path.relative_to(ROOT) for name in GENERATED_FOLDERS for path in (ROOT / name).iterdir()
    }
    assert there - set(generated) == set()
