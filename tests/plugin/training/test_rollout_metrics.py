"""Metrics of the rollouts of a batch, by hand."""

import pytest
from trinity.common.experience import EID

from tests.plugin.rows import row
from trinity_chord.plugin.training.rollout_metrics import rollout_metrics


def rollout(prompt, run, reward, tokens=2):
    made = row(tokens, reward=reward)
    made.eid = EID(batch=0, task=prompt, run=run)
    return made


def test_one_of_two_groups_has_equal_rewards():
    rollouts = [rollout(0, run, 1 / 3) for run in range(3)]
    rollouts += [rollout(1, 0, 0.0), rollout(1, 1, 1.0)]
    metrics = rollout_metrics(rollouts)
    assert metrics["actor/usual/equal_groups"] == 0.5
    assert metrics["actor/usual/reward"] == pytest.approx((3 * 1 / 3 + 1) / 5)


def test_with_one_rollout_per_prompt_there_are_no_groups():
    metrics = rollout_metrics([rollout(0, 0, 0.0), rollout(1, 0, 0.0)])
    assert "actor/usual/equal_groups" not in metrics


def test_the_share_of_the_longest_responses():
    metrics = rollout_metrics(
        [rollout(0, run, 0.0, tokens) for run, tokens in enumerate((4, 7, 7))]
    )
    assert metrics["actor/usual/response_length_max"] == 7.0
    assert metrics["actor/usual/at_response_length_max"] == pytest.approx(2 / 3)


def test_masked_tokens_count_in_the_length():
    masked = row(5, mask=[False] * 5)
    assert rollout_metrics([masked])["actor/usual/response_length_max"] == 5.0


def test_a_batch_without_rollouts_has_no_such_metrics():
    assert rollout_metrics([]) == {}
