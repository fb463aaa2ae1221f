"""The rows of a train batch, from prompts × rollouts and the expert share."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trinity_chord.errors import ChordConfigError
from trinity_chord.plugin.config.batch_plan import (
    BatchPlan,
    exact_share,
    expert_rows_of,
    plan_batch,
)


def share(text):
    return Fraction(text)


@pytest.mark.parametrize(
    ("rollouts", "ratio", "ranks", "wanted"),
    [
        (256, "0.2", 4, (256, 64)),  # CHORD's math runs: 320 rows
        (768, "0.11", 1, (768, 95)),  # 863 - ⌈0.11·863⌉ = 863 - 95
        (768, "0.11", 8, (768, 96)),  # 864 = 8·108; 864 - ⌈95.04⌉ = 768
        (8, "0.5", 1, (8, 8)),  # 17 - ⌈8.5⌉ = 8 too, but 16 comes first
        (8, "0.5", 17, (8, 9)),
        (1, "0.99", 1, (1, 99)),
        (8, "0", 2, (8, 0)),
        (8, "1", 2, (0, 8)),
    ],
)
def test_rollouts_and_share_give_the_batch(rollouts, ratio, ranks, wanted):
    assert plan_batch(rollouts=rollouts, share=share(ratio), ranks=ranks) == BatchPlan(*wanted)


def test_a_share_close_to_1_needs_no_search():
    plan = plan_batch(rollouts=768, share=share("0.9999999999"))
    assert plan.expert_rows == 768 * 10**10 - 768


def test_007_of_100_is_7_rows_although_floats_make_it_8():
    assert math.ceil(0.07 * 100) == 8
    assert expert_rows_of(exact_share(0.07), 100) == 7
    assert plan_batch(rollouts=93, share=exact_share(0.07), train_batch_size=100).expert_rows == 7


def test_a_row_count_may_replace_the_share():
    assert plan_batch(rollouts=64, expert_rows=16) == BatchPlan(64, 16)


def test_a_given_batch_is_split_by_the_share():
    assert plan_batch(rollouts=None, share=share("0.2"), train_batch_size=320) == BatchPlan(256, 64)


def test_all_numbers_may_be_given_if_they_agree():
    plan = plan_batch(rollouts=256, share=share("0.2"), expert_rows=64, train_batch_size=320)
    assert plan.train_batch_size == 320


def test_pure_imitation_may_count_its_rows():
    assert plan_batch(rollouts=None, share=share("1"), expert_rows=12) == BatchPlan(0, 12)


@pytest.mark.parametrize(("plan", "pure"), [((8, 0), "rl"), ((0, 8), "imitation"), ((8, 8), None)])
def test_a_batch_of_one_kind_is_pure(plan, pure):
    assert BatchPlan(*plan).pure == pure


@pytest.mark.parametrize(
    ("numbers", "right"),
    [
        # The public mix_chord YAML: 320 rows, 64 of them expert, but 40·8 = 320 rollouts.
        ({"rollouts": 320, "share": "0.2", "train_batch_size": 320}, "got 320, expected 400,"),
        ({"rollouts": 768, "share": "0.11", "train_batch_size": 800, "ranks": 8}, "expected 864,"),
        ({"rollouts": 64, "expert_rows": 16, "train_batch_size": 64}, "expected 80,"),
        ({"rollouts": 64, "share": "0.5", "expert_rows": 16}, "got 16, expected 40"),
        (
            {"rollouts": 8, "share": "1", "expert_rows": 8, "train_batch_size": 16},
            "got 8, expected 16",
        ),
        ({"rollouts": 8, "share": "1", "expert_rows": 0}, "got 0, expected 8"),
        ({"rollouts": 8, "share": "0", "expert_rows": 4}, "got 4, expected 0"),
        ({"rollouts": 8, "expert_rows": 8, "train_batch_size": 8}, "expected 16,"),
        # ⌈0.9·4⌉ leaves no on-policy row, but that does not ask for pure imitation.
        ({"rollouts": 4, "share": "0.9", "train_batch_size": 4}, "expected 40,"),
        ({"rollouts": None, "expert_rows": 9, "train_batch_size": 8}, "expected 9 or more"),
        ({"rollouts": None, "share": "0.5"}, "`buffer.train_batch_size`: got None"),
        ({"rollouts": None, "share": "0.5", "train_batch_size": -2}, "expected 1 or more"),
        ({"rollouts": 0, "share": "0.5"}, "expected 1 or more"),
    ],
)
def test_a_contradiction_names_the_number_that_would_be_right(numbers, right):
    numbers = {**numbers, **({"share": share(numbers["share"])} if "share" in numbers else {})}
    with pytest.raises(ChordConfigError) as caught:
        plan_batch(**numbers)
    assert right in str(caught.value)


@pytest.mark.parametrize(
    ("numbers", "right"),
    [
        (
            {"rollouts": 63, "expert_rows": 7},
            "`expert_rows: 5` without a ratio (train batch 68) or "
            "`expert_rows: 9` without a ratio (train batch 72)",
        ),
        ({"rollouts": 64, "expert_rows": 2}, "ranks; set `expert_rows: 4` without a ratio"),
        (
            {"rollouts": None, "share": "0.5", "train_batch_size": 10},
            "`buffer.train_batch_size: 8` or `buffer.train_batch_size: 12`",
        ),
        ({"rollouts": 63, "share": "0"}, "`algorithm.repeat_times` = 60 or 64"),
    ],
)
def test_the_error_names_batches_that_the_ranks_can_share(numbers, right):
    numbers = {**numbers, **({"share": share(numbers["share"])} if "share" in numbers else {})}
    with pytest.raises(ChordConfigError) as caught:
        plan_batch(**numbers, ranks=4)
    assert right in str(caught.value)


ratios = st.decimals(min_value=0, max_value="0.95", places=3).map(Fraction)


@settings(deadline=None)
@given(rollouts=st.integers(1, 500), ratio=ratios, ranks=st.integers(1, 64))
def test_the_batch_takes_all_rollouts_of_a_step_or_is_refused(rollouts, ratio, ranks):
    right = [t for t in _candidates(rollouts, ratio) if t % ranks == 0]
    try:
        plan = plan_batch(rollouts=rollouts, share=ratio, ranks=ranks)
    except ChordConfigError:
        assert not right
    else:
        assert plan.train_batch_size == right[0]
        assert plan.on_policy_rows == rollouts


@given(total=st.integers(1, 5000), ratio=ratios)
def test_a_batch_is_split_as_trinitys_mix_does_in_exact_numbers(total, ratio):
    plan = plan_batch(rollouts=None, share=ratio, train_batch_size=total)
    assert plan.expert_rows - 1 < ratio * total <= plan.expert_rows
    assert plan.train_batch_size == total


def _candidates(rollouts, ratio):
    """All T with T - ⌈ratio·T⌉ = rollouts, by trying them."""
    t = rollouts
    while t - math.ceil(ratio * t) < rollouts:
        t += 1
    while t - math.ceil(ratio * t) == rollouts:
        yield t
        t += 1
