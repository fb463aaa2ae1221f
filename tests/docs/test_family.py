"""docs/family.md and its picture match the code."""

import re
from pathlib import Path

from trinity_chord.family import PICTURE, draw, page, plotted
from trinity_chord.objective import GATES, ROW_WEIGHTS, SCHEDULES, TOKEN_WEIGHTS
from trinity_chord.presets import PRESETS

DOCS = Path(__file__).parents[2] / "docs"


def labels(path):
    """Return the texts of the legend, whatever version of matplotlib drew it."""
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", path.read_text())
    return {text for text in texts if text in TOKEN_WEIGHTS}


def test_the_page_is_up_to_date():
    assert (DOCS / "family.md").read_text() == page()


def test_every_name_is_on_the_page():
    names = [*TOKEN_WEIGHTS, *ROW_WEIGHTS, *GATES, *SCHEDULES, *PRESETS]
    assert [name for name in names if f"`{name}`" not in page()] == []


def test_the_picture_shows_every_weight_of_p_alone():
    assert labels(DOCS / PICTURE) == {weight.name for weight in plotted()}


def test_the_picture_can_be_redrawn(tmp_path):
    draw(tmp_path / PICTURE)
    assert labels(tmp_path / PICTURE) == labels(DOCS / PICTURE)
