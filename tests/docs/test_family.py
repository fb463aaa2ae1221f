"""docs/family.md and its picture are up to date with the code."""

import re
from pathlib import Path

from tools.family_page import PAGE, PICTURE, plotted, text, write
from trinity_chord.objective import GATES, ROW_WEIGHTS, SCHEDULES, TOKEN_WEIGHTS
from trinity_chord.presets import PRESETS

DOCS = Path(__file__).parents[2] / "docs"


def labels(path):
    """The texts of the legend, whichever version drew it."""
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", path.read_text())
    return {text for text in texts if text in TOKEN_WEIGHTS}


def test_the_page_is_up_to_date():
    assert (DOCS / PAGE).read_text() == text()


def test_every_name_is_on_the_page():
    names = [*TOKEN_WEIGHTS, *ROW_WEIGHTS, *GATES, *SCHEDULES, *PRESETS]
    assert [name for name in names if f"`{name}`" not in text()] == []


def test_the_picture_shows_every_weight_of_p_alone():
    assert labels(DOCS / PICTURE) == {weight.name for weight in plotted()}


def test_both_files_can_be_written_again(tmp_path):
    (tmp_path / "docs").mkdir()
    assert write(tmp_path) == [tmp_path / "docs" / PAGE, tmp_path / "docs" / PICTURE]
    assert (tmp_path / "docs" / PAGE).read_text() == (DOCS / PAGE).read_text()
    assert labels(tmp_path / "docs" / PICTURE) == labels(DOCS / PICTURE)
