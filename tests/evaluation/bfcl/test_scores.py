import math

import numpy as np
import pytest

from trinity_chord.evaluation.bfcl.scores import interval, score


def rows(category, right, wrong, truncated=False):
    kept = {"category": category, "truncated": truncated}
    return [
        *({**kept, "valid": True, "error_type": None} for _ in range(right)),
        *({**kept, "valid": False, "error_type": f"{category}:bad"} for _ in range(wrong)),
    ]


def test_categories_are_weighted_by_their_number_of_cases():
    found = score(
        [*rows("simple_python", 3, 1), *rows("parallel", 0, 2), *rows("live_multiple", 9, 5)], 0
    )
    accuracies = {name: c["accuracy"] for name, c in found["categories"].items()}
    assert accuracies == {"simple_python": 3 / 4, "parallel": 0.0, "live_multiple": 9 / 14}
    assert found["non_live"]["accuracy"] == 3 / 6
    assert found["live"]["accuracy"] == 9 / 14
    assert (found["overall"]["correct"], found["overall"]["total"]) == (12, 20)
    assert found["overall"]["accuracy"] == 12 / 20


def test_a_group_without_cases_is_left_out():
    assert "live" not in score(rows("multiple", 1, 1), 0)


def test_error_types_are_counted():
    found = score([*rows("parallel", 1, 2), *rows("multiple", 0, 1)], 0)
    assert found["errors"] == {"parallel:bad": 2, "multiple:bad": 1}


def test_truncated_replies_are_counted_if_known_for_all():
    found = [*rows("multiple", 1, 1), *rows("multiple", 0, 3, truncated=True)]
    assert score(found, 0)["truncated"] == 3
    assert score([*found, *rows("multiple", 1, 0, truncated=None)], 0)["truncated"] is None


def test_the_interval_equals_that_of_resampled_cases():
    cases = np.array([1] * 30 + [0] * 20)
    random = np.random.default_rng(1)
    means = random.choice(cases, size=(20_000, 50)).mean(axis=1)
    found = interval(30, 50, np.random.default_rng(0))
    assert found == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.011)
    spread = 1.96 * math.sqrt(0.6 * 0.4 / 50)
    assert found == pytest.approx([0.6 - spread, 0.6 + spread], abs=0.02)


def test_the_seed_fixes_the_interval():
    found = rows("multiple", 37, 63)
    assert score(found, 3) == score(found, 3)


def test_the_interval_of_none_or_all_correct_has_no_width():
    assert interval(0, 9, np.random.default_rng(0)) == [0.0, 0.0]
    assert interval(9, 9, np.random.default_rng(0)) == [1.0, 1.0]
