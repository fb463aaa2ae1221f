import pytest
from matplotlib.image import imread

from trinity_chord.report.curves import draw_curves


def test_a_picture_is_drawn(tmp_path):
    history = [{"step": s, "actor/mu": 0.9 / s, "actor/usual/reward": s / 10} for s in range(1, 9)]
    picture = imread(draw_curves(history, tmp_path / "new" / "curves.png", "a title"))
    assert picture.shape[0] > 400
    assert picture.std() > 0.01  # not blank


def test_a_history_without_steps_is_refused(tmp_path):
    with pytest.raises(ValueError, match="got no steps"):
        draw_curves([], tmp_path / "curves.png", "a title")
