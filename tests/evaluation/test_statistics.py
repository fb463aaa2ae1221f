"""pass@k and intervals."""

from itertools import combinations

import numpy as np
import pytest

from trinity_chord.evaluation.statistics import bootstrap_interval, pass_at


@pytest.mark.parametrize(
    ("k", "answers", "correct", "chance"),
    [(1, 4, 1, 0.25), (2, 4, 1, 0.5), (4, 4, 1, 1.0), (2, 4, 2, 5 / 6), (3, 4, 0, 0.0)],
)
def test_pass_at_k_equals_the_value_computed_by_hand(k, answers, correct, chance):
    assert pass_at(k, answers, correct) == pytest.approx(chance)


def test_pass_at_k_is_the_share_of_draws_with_a_correct_answer():
    for answers in range(1, 7):
        for correct in range(answers + 1):
            for k in range(1, answers + 1):
                draws = list(combinations([True] * correct + [False] * (answers - correct), k))
                share = sum(map(any, draws)) / len(draws)
                assert pass_at(k, answers, correct) == pytest.approx(share)


@pytest.mark.parametrize(("k", "answers", "correct"), [(0, 4, 1), (5, 4, 1), (1, 4, 5), (1, 4, -1)])
def test_an_impossible_draw_is_refused(k, answers, correct):
    with pytest.raises(ValueError, match=f"k={k}"):
        pass_at(k, answers, correct)


def test_the_interval_of_many_problems_is_that_of_the_normal_distribution():
    values = np.random.default_rng(0).random(2000)
    low, high = bootstrap_interval(values, seed=0)
    error = 1.96 * values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - error, abs=error / 20)
    assert high == pytest.approx(values.mean() + error, abs=error / 20)


def test_the_seed_determines_the_interval():
    values = [0.0, 0.5, 1.0, 0.25]
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    assert bootstrap_interval(values, seed=3) != bootstrap_interval(values * 3, seed=3)


def test_equal_values_have_an_interval_of_no_width():
    assert bootstrap_interval([0.5] * 7, seed=0) == (0.5, 0.5)
