import math

from trinity_chord.report.charts.points import histogram_of, points_of


def test_a_short_series_is_drawn_as_it_is():
    points = points_of({2: 0.5, 1: 0.25})
    assert (points.steps, points.values) == ([1, 2], [0.25, 0.5])


def test_what_is_not_a_number_is_a_gap():
    assert points_of({1: 1.0, 2: math.nan, 3: math.inf}).values == [1.0, None, None]


def test_a_long_series_is_averaged_over_neighbors():
    points = points_of({step: float(step) for step in range(1, 9)}, most=4)
    assert (points.steps, points.values) == ([1, 3, 5, 7], [1.5, 3.5, 5.5, 7.5])


def test_a_gap_does_not_spoil_the_mean_of_its_neighbors():
    assert points_of({1: math.nan, 2: 4.0}, most=1).values == [4.0]


def bins(*steps):
    """Two bins, of which the first has the given share in each step."""
    return {
        "actor/expert/prob_hist/0.00": dict(enumerate(steps, 1)),
        "actor/expert/prob_hist/0.50": {n: 1 - s for n, s in enumerate(steps, 1)},
    }


def test_the_columns_of_a_histogram():
    histogram = histogram_of(bins(0.25, 0.75))
    assert histogram.edges == [1, 2, 3]
    assert histogram.shares == [[0.25, 0.75], [0.75, 0.25]]


def test_the_columns_of_a_long_run_are_averaged():
    histogram = histogram_of(bins(0.0, 0.5, 0.2, 0.4), most=2)
    assert histogram.edges == [1, 3, 5]
    assert histogram.shares == [[0.25, 0.75], [0.3, 0.7]]


def test_a_step_without_expert_tokens_is_left_out():
    metrics = {name: {1: 0.0, 2: 0.5} for name in bins(0.0)}
    assert histogram_of(metrics).edges == [2, 3]


def test_a_run_without_expert_tokens_has_no_histogram():
    assert histogram_of({name: {1: 0.0} for name in bins(0.0)}) is None
    assert histogram_of({}) is None


def test_a_cell_has_the_edges_of_its_step_and_bin():
    assert histogram_of(bins(0.25)).rows()[1] == {
        "step": 1,
        "end": 2,
        "low": 0.5,
        "high": 1.0,
        "share": 0.75,
    }
