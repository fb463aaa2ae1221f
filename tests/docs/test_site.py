"""The site builds without a warning, and nothing in it needs a network."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
INDEX = ROOT / "docs" / "index.md"
# In the navigation as soon as they exist.
TO_COME = {"study", "scaling"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    options = ["--fail-on-warning", "--keep-going", "-q", "-c", "docs", "-d", out / "doctrees"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ".", out / "site"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return out / "site"


def test_every_page_is_built(site):
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    assert [
        p for p in pages if not (site / p.relative_to(ROOT)).with_suffix(".html").is_file()
    ] == []


def test_the_top_of_the_site_leads_to_the_start_page(site):
    (target,) = re.findall(r'url=([^"]+)"', (site / "index.html").read_text())
    assert (site / target).is_file()


def test_no_page_loads_anything_from_a_network(site):
    loads = re.compile(r"<(?:script|img|iframe|source)[^>]+src=\"(?:https?:)?//")
    styles = re.compile(r"<link[^>]+rel=\"stylesheet\"[^>]+href=\"(?:https?:)?//")
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not loads.search(text), page
        assert not styles.search(text), page


def test_files_that_pages_link_to_come_with_the_site(site):
    assert {path.name for path in site.glob("_downloads/*/*")} >= {"one_step.py", "mix_chord.yaml"}


def test_only_pages_that_are_to_come_are_missing_from_the_navigation():
    lists = re.findall(r"```{toctree}\n(.*?)```", INDEX.read_text(encoding="utf-8"), re.DOTALL)
    names = [line for text in lists for line in text.splitlines() if line and line[0] != ":"]
    missing = {name for name in names if not (INDEX.parent / f"{name}.md").resolve().is_file()}
    assert missing <= TO_COME
