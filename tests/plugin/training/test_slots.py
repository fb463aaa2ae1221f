"""Prompts, slots and waiting prompts, computed by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trinity.common.experience import EID

from tests.plugin.rows import row
from trinity_chord.plugin.training.slots import deal, group_rollouts, take_waiting


def step(task, run, number, reward):
    one = row(2, reward=reward)
    one.eid = EID(batch=4, task=task, run=run, step=number)
    return one


def key_of(one):
    return f"key {one.eid.task}"


def test_rollouts_are_grouped_by_prompt_in_the_order_of_the_batch():
    rows = [step(7, 0, 0, 1.0), step(3, 0, 0, 0.0), step(7, 1, 0, 0.0), step(3, 1, 0, 0.0)]
    prompts = group_rollouts(rows, key_of)
    assert prompts.of_row == [0, 1, 0, 1]
    assert prompts.keys == ["key 7", "key 3"]
    assert prompts.rewards.mean.tolist() == [0.5, 0.0]


def test_a_rollout_of_several_steps_has_the_reward_of_its_last():
    # Run 0 ends with 1 after two steps, run 1 with 0 after one: (1 + 0) / 2, not (0 + 1 + 0) / 3.
    rows = [step(7, 0, 1, 1.0), step(7, 1, 0, 0.0), step(7, 0, 0, 0.0)]
    prompts = group_rollouts(rows, key_of)
    assert prompts.rewards.mean.tolist() == [0.5]
    assert prompts.of_row == [0, 0, 0]


def test_rollouts_whose_workflow_numbers_no_runs_all_count():
    prompts = group_rollouts([step(7, 0, 0, 1.0), step(7, 0, 0, 0.0)], key_of)
    assert prompts.rewards.mean.tolist() == [0.5]


def test_a_missing_reward_counts_as_0():
    assert group_rollouts([step(7, 0, 0, None)], key_of).rewards.best.tolist() == [0.0]


@pytest.mark.parametrize(
    ("wanted", "visits", "slots", "dealt"),
    [
        ([True, True, True], [0, 0, 0], 3, [0, 1, 2]),
        ([True, True], [0, 0], 5, [0, 1, 0, 1, 0]),
        ([False, True, True], [0, 0, 0], 2, [1, 2]),  # too few slots: by `wanted`
        ([False, True], [0, 0], 4, [1, 0, 1, 0]),  # enough slots: each prompt gets some
        ([True, True, True], [2, 0, 1], 2, [1, 2]),  # too few slots: by the fewest rows
        ([False, False], [0, 3], 2, [0, 1]),
    ],
)
def test_slots_are_assigned_in_rounds(wanted, visits, slots, dealt):
    assert deal(wanted, visits, slots) == dealt


@settings(max_examples=100, deadline=None, derandomize=True)
@given(wanted=st.lists(st.booleans(), min_size=1, max_size=9), slots=st.integers(0, 30))
def test_every_prompt_gets_its_share_or_one_more(wanted, slots):
    dealt = deal(wanted, [0] * len(wanted), slots)
    counts = [dealt.count(prompt) for prompt in range(len(wanted))]
    assert len(dealt) == slots
    assert all(count - slots // len(wanted) in (0, 1) for count in counts)


@pytest.mark.parametrize(
    ("waiting", "failed", "slots", "drawn", "then"),
    [
        ([], ["a", "b"], 2, [], ["a", "b"]),  # prompts that fail now are drawn later
        (["a"], ["b"], 2, [], ["a", "b"]),  # not a full batch yet
        (["a", "b", "c"], ["d"], 2, ["a", "b"], ["c", "d"]),  # the longest-waiting first
        (["a"], ["a", "b", "b"], 3, [], ["a", "b"]),  # a prompt waits once
        (["a", "b"], ["a"], 2, ["a", "b"], ["a"]),  # a prompt that is drawn and fails again
    ],
)
def test_failed_prompts_wait_for_a_full_batch(waiting, failed, slots, drawn, then):
    assert take_waiting(waiting, failed, slots) == (drawn, then)
