import pytest

from trinity_chord.report.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, "▁▂▃▄▅▆▇█"),
        ([7, 0], 8, "█▁"),
        ([0, 0, 7, 7], 2, "▁█"),  # neighbors are averaged
        ([0.5, 0.5, 0.5], 8, "▁▁▁"),
        ([0, float("nan"), 7], 8, "▁·█"),
        ([float("nan")], 8, "·"),
        ([], 8, ""),
    ],
)
def test_a_curve_goes_from_its_lowest_to_its_highest_value(values, width, expected):
    assert sparkline(values, width) == expected


def test_a_long_curve_has_the_width():
    assert len(sparkline(list(range(1000)), 40)) == 40
