"""Pairing and gates in the sample strategy: batches of 2 prompts × 2 rollouts, checked by hand.

Row i of the expert set belongs to task i, μ is 1/2, and rollouts and expert answers have 2 tokens.
"""

import asyncio
import json

import pytest
from trinity.common.experience import EID

from tests.plugin.conftest import AUXILIARY, chat, write_rows
from tests.plugin.rows import row
from tests.plugin.training.test_sample_strategy import Rollouts, indices, sample, strategy_of
from trinity_chord.expert_data import ExpertDataError
from trinity_chord.plugin.training.task_keys import PairingError

STRATEGY = "algorithm.sample_strategy_args"


def prompts(rewards):
    """Return rollouts of ``{task: (reward, reward)}``; a task is a number from 0."""
    rows = []
    for task, rewards_of_task in rewards.items():
        for run, reward in enumerate(rewards_of_task):
            one = row(2, reward=reward)
            one.eid = EID(batch=0, task=task, run=run)
            one.info["task_index"] = {"index": task}
            rows.append(one)
    return rows


SOLVED, FAILED, MIXED = (1.0, 1.0), (0.0, 0.0), (1.0, 0.0)


@pytest.fixture
def build(checked, monkeypatch):
    """A strategy over batches of rollouts, paired by task index by default."""

    def make(batches, changes=None, **args):
        monkeypatch.setattr(
            "trinity_chord.plugin.training.rollout_reader._PatientQueueReader",
            lambda storage: Rollouts([prompts(b) if isinstance(b, dict) else b for b in batches]),
        )
        strategy = {"expert_rows": 2, "expert_pairing": "task_index", **args}
        return strategy_of(
            checked(
                {
                    "algorithm.repeat_times": 2,
                    "algorithm.policy_loss_fn_args": {"mu_peak": 0.5, "mu_valley": 0.5},
                    STRATEGY: {key: value for key, value in strategy.items() if value},
                    **(changes or {}),
                }
            )
        )

    return make


@pytest.fixture
def five_tasks(tmp_path):
    """Changes: a taskset of tasks 0-4 named a-e, and expert rows of a (0 and 2) and b (1)."""
    write_rows(
        tmp_path / "tasks" / "train.jsonl", [chat(i) | {"id": k} for i, k in enumerate("abcde")]
    )
    write_rows(
        tmp_path / "rows" / "train.jsonl", [chat(i) | {"of": k} for i, k in enumerate("aba")]
    )
    return {
        "buffer.explorer_input.taskset.path": str(tmp_path / "tasks"),
        f"{AUXILIARY}.sft_dataset.path": str(tmp_path / "rows"),
    }


BY_COLUMN = {"expert_pairing": {"expert_key": "of", "task_key": "id"}}


def column(rows, name="loss_coef"):
    return [row.info[name] for row in rows]


def test_each_prompt_gets_its_expert_row(build):
    rows, metrics, _ = sample(build([{5: MIXED, 2: MIXED}]))
    assert indices(rows) == [5, 2]
    assert metrics["expert_data/paired_share"] == 1.0
    assert metrics["expert_data/pairs_read"] == 2.0
    assert column(rows) == [1 / 16] * 4 + [1 / 8] * 2  # 1/2 over 8 and over 4 tokens


def test_more_slots_than_prompts_are_assigned_in_rounds(build):
    rows, _, _ = sample(build([{5: MIXED, 2: MIXED}], expert_rows=5))
    assert indices(rows) == [5, 2, 5, 2, 5]


def test_fewer_slots_than_prompts_go_to_those_that_had_fewest(build):
    strategy = build([{5: MIXED, 2: MIXED}] * 3, expert_rows=1)
    assert [indices(sample(strategy, step)[0]) for step in (1, 2, 3)] == [[5], [2], [5]]


def test_several_rows_of_a_key_rotate_over_visits(build, five_tasks):
    strategy = build([{0: MIXED, 1: MIXED}] * 3, five_tasks, **BY_COLUMN, unpaired="skip")
    assert [indices(sample(strategy, s)[0]) for s in (1, 2, 3)] == [[0, 1], [2, 1], [0, 1]]


def test_the_rotation_continues_after_a_checkpoint(build, five_tasks):
    batch = {0: MIXED, 1: MIXED}
    first = build([batch], five_tasks, **BY_COLUMN, unpaired="skip")
    sample(first)
    resumed = build([batch], five_tasks, **BY_COLUMN, unpaired="skip")
    resumed.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert indices(sample(resumed, 2)[0]) == [2, 1]


def test_a_prompt_without_a_row_gets_a_random_one(build, five_tasks):
    strategy = build([{0: MIXED, 4: MIXED}], five_tasks, **BY_COLUMN, unpaired="random")
    fresh = build([], five_tasks, **BY_COLUMN, unpaired="random")
    (following,) = [row.info["expert_index"] for row in asyncio.run(fresh.experts.read(1))]
    rows, metrics, _ = sample(strategy)
    assert indices(rows) == [0, following]
    assert metrics["expert_data/paired_share"] == 0.5
    assert metrics["expert_data/rows_read"] == 1.0


def test_a_prompt_without_a_row_is_skipped(build, five_tasks):
    strategy = build([{4: MIXED, 0: MIXED}], five_tasks, **BY_COLUMN, unpaired="skip")
    rows, metrics, _ = sample(strategy)
    # The open row has 2 tokens, so μ/2; the filler row has no token that counts.
    assert column(rows) == [1 / 16] * 4 + [1 / 4, 0.0]
    assert column(rows, "token_norm")[4:] == [1 / 2, 0.0]
    assert indices(rows)[0] == 0
    assert metrics["actor/expert/open_rows"] == 1.0
    assert metrics["actor/expert/rows"] == 2.0
    assert metrics["expert_data/paired_share"] == 1.0


def test_a_filler_row_has_one_token_and_does_not_move_the_stream(build, five_tasks):
    strategy = build([{3: MIXED, 4: MIXED}], five_tasks, **BY_COLUMN, unpaired="skip")
    before = strategy.state_dict()
    rows, metrics, _ = sample(strategy)
    assert [len(row.tokens) - row.prompt_length for row in rows[4:]] == [1, 1]
    assert strategy.state_dict() == before
    assert metrics["actor/expert/tokens"] == 0.0
    assert "expert_data/paired_share" not in metrics


def test_a_task_without_a_required_row_fails_and_loses_nothing(build):
    strategy = build([{5: MIXED, 99: MIXED}])
    before = strategy.state_dict()
    with pytest.raises(PairingError, match="the task with the key '99' has no expert row"):
        sample(strategy)
    assert strategy.state_dict() == before
    assert len(strategy.rollouts.kept) == 4


def test_late_rollouts_do_not_move_the_pairs(build):
    strategy = build([TimeoutError("late"), {5: MIXED, 2: MIXED}])
    before = strategy.state_dict()
    with pytest.raises(TimeoutError):
        sample(strategy)
    assert strategy.state_dict() == before
    assert indices(sample(strategy)[0]) == [5, 2]


def test_exhausted_random_rows_lose_nothing(build, five_tasks):
    args = {"expert_pairing": None, "unpaired": "random", "gate": "relift"}
    batches = [{0: FAILED, 1: FAILED}, {2: FAILED, 3: FAILED}, {4: FAILED, 0: FAILED}]
    strategy = build(batches, five_tasks, expert_at_end="stop", **args)
    sample(strategy)
    sample(strategy, 2)  # takes 2 of the 3 expert rows
    before = strategy.state_dict()
    with pytest.raises(StopAsyncIteration):
        sample(strategy, 3)
    assert strategy.state_dict() == before
    assert before["row_level"]["waiting"] == ["0/2", "0/3"]
    assert len(strategy.rollouts.kept) == 4


def test_hpt_imitates_the_prompt_that_fails_and_reinforces_the_other(build):
    rows, metrics, _ = sample(build([{5: MIXED, 2: FAILED}], gate="hpt"))
    # Open: the rollouts of task 5, 4 tokens; the expert row of task 2, 2 tokens. μ = 1/2.
    assert column(rows) == [1 / 8, 1 / 8, 0, 0, 1 / 4, 0]
    assert column(rows, "loss_norm") == [1 / 4, 1 / 4, 0, 0, 1 / 2, 0]
    assert indices(rows)[0] == 2
    assert metrics["gate/open_share"] == 0.5
    assert (metrics["actor/usual/open_rows"], metrics["actor/expert/open_rows"]) == (2.0, 1.0)
    assert (metrics["actor/usual/tokens"], metrics["actor/expert/tokens"]) == (4.0, 2.0)
    assert metrics["actor/usual/reward"] == 0.25  # of all rollouts


def test_hpt_has_a_threshold(build):
    strategy = build([{5: MIXED, 2: SOLVED}], gate="hpt", gate_args={"threshold": 0.5})
    rows, _, _ = sample(strategy)
    assert column(rows)[:4] == [0, 0, 1 / 8, 1 / 8]


def test_hpt_keeps_rollouts_that_no_expert_row_replaces(build, five_tasks):
    strategy = build([{0: FAILED, 4: FAILED}], five_tasks, **BY_COLUMN, unpaired="skip", gate="hpt")
    rows, metrics, _ = sample(strategy)
    assert column(rows) == [0, 0, 1 / 8, 1 / 8, 1 / 4, 0]
    assert metrics["gate/open_share"] == 1.0  # both fail


def test_superrl_keeps_all_rollouts(build):
    rows, metrics, _ = sample(build([{5: MIXED, 2: FAILED}], gate="superrl"))
    assert column(rows) == [1 / 16] * 4 + [1 / 4, 0]
    assert indices(rows)[0] == 2
    assert metrics["gate/open_share"] == 0.5


def test_if_every_prompt_is_solved_the_expert_term_is_0(build):
    rows, metrics, _ = sample(build([{5: SOLVED, 2: SOLVED}], gate="superrl"))
    assert column(rows) == [1 / 16] * 4 + [0, 0]
    assert metrics["gate/open_share"] == 0.0
    assert metrics["actor/expert/open_rows"] == 0.0
    assert "actor/expert/response_length" not in metrics


def test_relift_draws_the_prompts_that_failed_in_a_later_batch(build):
    strategy = build(
        [{5: FAILED, 2: SOLVED}, {3: FAILED, 4: SOLVED}, {0: SOLVED, 1: SOLVED}], gate="relift"
    )
    found = [sample(strategy, step) for step in (1, 2, 3)]
    assert [metrics["gate/waiting"] for _, metrics, _ in found] == [1.0, 2.0, 0.0]
    assert [metrics["actor/expert/open_rows"] for _, metrics, _ in found] == [0.0, 0.0, 2.0]
    rows = found[2][0]
    assert indices(rows) == [5, 3]
    assert column(rows) == [1 / 16] * 4 + [1 / 8] * 2


def test_waiting_prompts_survive_a_checkpoint(build):
    first = build([{5: FAILED, 2: FAILED}], gate="relift")
    sample(first)
    resumed = build([{0: SOLVED, 1: SOLVED}], gate="relift")
    resumed.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert indices(sample(resumed, 2)[0]) == [5, 2]


def test_a_checkpoint_without_a_gate_is_accepted(build):
    old = build([{5: FAILED, 2: FAILED}], expert_pairing=None)
    sample(old)
    strategy = build([{5: FAILED, 2: FAILED}], gate="relift")
    strategy.load_state_dict(old.state_dict())
    assert sample(strategy)[1]["gate/waiting"] == 2.0


@pytest.mark.parametrize("waiting", [None, "5", [5]])
def test_a_damaged_list_of_waiting_prompts_is_refused(build, waiting):
    strategy = build([], gate="relift")
    with pytest.raises(ExpertDataError, match="expected a list of keys"):
        strategy.load_state_dict({"row_level": {"waiting": waiting}})


def test_a_gate_without_pairing_takes_any_rows_and_logs_it(build):
    strategy = build(
        [{5: MIXED, 2: FAILED}], expert_pairing=None, unpaired="random", gate="superrl"
    )
    rows, metrics, _ = sample(strategy)
    assert column(rows) == [1 / 16] * 4 + [1 / 4, 0]
    assert metrics["expert_data/paired_share"] == 0.0
    assert metrics["expert_data/rows_read"] == 1.0


@pytest.mark.parametrize("gate", ["all", "hpt", "superrl", "relift"])
def test_the_number_of_rows_is_the_same_whatever_the_gate_says(build, gate):
    batches = [{5: FAILED, 2: FAILED}, {5: SOLVED, 2: SOLVED}, {5: MIXED, 2: FAILED}]
    strategy = build(batches, gate=gate, expert_rows=3)
    sizes = {len(sample(strategy, step)[0]) for step in (1, 2, 3)}
    assert sizes == {7}
