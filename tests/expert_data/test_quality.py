"""SFT(Q): rows appear more often the better their score."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.expert_data.chats import chat
from tests.expert_data.reading import read
from trinity_chord.expert_data import ExpertDataError, ExpertSet, Quality
from trinity_chord.expert_data.quality import appearances


def scored(scores):
    return [chat("?", str(i)) | {"score": score} for i, score in enumerate(scores)]


@pytest.fixture
def open_scored(write, open_stream):
    def open_rows(scores, percentiles=(50, 80), name="train.jsonl", **settings):
        quality = Quality("score", list(percentiles))
        sets = [ExpertSet("sft", write(scored(scores), name), quality=quality)]
        return open_stream(sets, **settings)

    return open_rows


def test_a_row_appears_once_for_each_percentile_that_it_reaches():
    # Of 11 scores 0..10 the 50th percentile is 5 and the 80th is 8.
    found = appearances(np.arange(11), [50, 80])
    assert found.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_the_papers_percentiles_of_a_hundred_and_one_rows():
    found = appearances(np.arange(101), Quality("score").percentiles)
    assert (found[:90].sum(), found[90:95].tolist(), found[95:98].tolist()) == (0, [1] * 5, [2] * 3)
    assert found[98:].tolist() == [3, 3, 3]


def test_ties_at_a_percentile_all_reach_it():
    assert appearances(np.array([1, 3, 3, 3]), [50]).tolist() == [0, 1, 1, 1]


def test_percentile_0_keeps_all_rows():
    assert appearances(np.array([2.5, -1.0, 7.0]), [0]).tolist() == [1, 1, 1]


def test_rounding_does_not_move_a_percentile_that_lies_at_a_row():
    # 0.07 · 100 is 7.000000000000001 in floats: row 7 of 101 would be missing.
    assert appearances(np.arange(101), [7])[6:8].tolist() == [0, 1]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    scores=st.lists(st.integers(-50, 50), min_size=1, max_size=40),
    percentiles=st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True),
)
def test_the_percentiles_are_those_of_numpy(scores, percentiles):
    values = np.array(scores)
    expected = sum(values >= np.percentile(values, q) - 1e-9 for q in percentiles)
    assert appearances(values, percentiles).tolist() == expected.tolist()


def test_an_epoch_has_each_row_as_often_as_it_appears(open_scored, taken):
    # Of 0..5 the 50th percentile is 2.5 and the 80th is 4: row 3 once, rows 4 and 5 twice.
    rows = taken(read(open_scored(range(6)), 5))
    assert sorted(index for _, index in rows) == [3, 4, 4, 5, 5]


def test_the_report_counts_them(open_scored):
    (report,) = open_scored(range(6)).report.sets
    assert (report.rows_read, report.dropped, report.below, report.repeats) == (6, 0, 3, 2)
    assert report.kept == 5
    assert report.tokens == 5 * 23  # as each row of one digit has
    assert "3 left out by score, 2 repeats" in str(report)


def test_the_report_of_a_set_without_scores_does_not_mention_them(write_numbered, open_stream):
    assert "score" not in str(open_stream({"sft": write_numbered(3)}).report)


def test_each_appearance_of_a_row_has_its_own_eid(open_scored):
    rows = read(open_scored([0, 1], percentiles=[60, 90]), 4)
    assert sorted(row.eid.suffix for row in rows) == ["e0", "e0r1", "e1", "e1r1"]


def test_the_percentiles_are_those_of_all_rows_whether_they_fit_or_not(write, open_stream):
    rows = [chat("?", "a" * (1 + 9 * (i > 2))) | {"score": i} for i in range(5)]
    quality = Quality("score", [50])  # the score 2: rows 2, 3 and 4, of which 3 and 4 are long
    stream = open_stream([ExpertSet("sft", write(rows), quality=quality)], max_model_len=25)
    (report,) = stream.report.sets
    assert (report.kept, report.dropped, report.below) == (1, 2, 2)


def test_a_state_for_other_percentiles_is_refused_if_the_rows_differ(open_scored):
    state = open_scored(range(6)).state_dict()
    open_scored(range(6)).load_state_dict(state)
    other = open_scored(range(6), percentiles=[50])
    with pytest.raises(ValueError, match="`fingerprint`: got"):
        other.load_state_dict(state)


def test_the_same_settings_give_the_same_order(open_scored, taken):
    first, second = (taken(read(open_scored(range(30)), 40)) for _ in range(2))
    assert first == second


def test_a_missing_column_names_those_that_exist(write_numbered, open_stream):
    sets = [ExpertSet("sft", write_numbered(2), quality=Quality("score"))]
    with pytest.raises(ExpertDataError, match=r"got 'score', expected one of the columns: message"):
        open_stream(sets)


@pytest.mark.parametrize(
    ("scores", "text"),
    [
        ([1.0, None, 2.0], r"line 2: `score`: got None, expected a finite number"),
        (["high", "low"], r"line 1: `score`: got 'high' \(string\), expected a number"),
        ([True, False], r"line 1: `score`: got True \(bool\), expected a number"),
        ([None, None], r"line 1: `score`: got None \(null\), expected a number"),
    ],
)
def test_a_score_that_is_not_a_number_is_reported_with_its_line(open_scored, scores, text):
    with pytest.raises(ExpertDataError, match=text):
        open_scored(scores)


def test_a_set_whose_best_rows_do_not_fit_is_refused(write, open_stream):
    rows = [chat("?", "a") | {"score": 0}, chat("?", "a" * 50) | {"score": 1}]
    sets = [ExpertSet("sft", write(rows), quality=Quality("score", [90]))]
    with pytest.raises(ExpertDataError, match=r"none of the 1 rows that fit .* Lower the perc"):
        open_stream(sets, max_model_len=30)


@pytest.mark.parametrize("percentiles", [[], [100], [-1], ["90"], [90, 90], [True], 90, "90"])
def test_wrong_percentiles_are_refused(percentiles):
    with pytest.raises(ExpertDataError, match=r"different numbers in \[0, 100\)"):
        Quality("score", percentiles)


@pytest.mark.parametrize("key", ["", None, 3])
def test_a_key_that_is_not_a_name_is_refused(key):
    with pytest.raises(ExpertDataError, match="expected the name of a score column"):
        Quality(key)
