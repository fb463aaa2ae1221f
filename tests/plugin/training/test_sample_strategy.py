"""The sample strategy without a queue: expert rows alone, or with a stand-in for the rollouts."""

import asyncio
import json

import pytest
from trinity.algorithm import SAMPLE_STRATEGY

from tests.plugin.engines import trained
from tests.plugin.rows import row

STRATEGY = "algorithm.sample_strategy_args"


def strategy_of(config):
    algorithm = config.algorithm
    return SAMPLE_STRATEGY.get(algorithm.sample_strategy)(
        buffer_config=config.buffer, **algorithm.sample_strategy_args
    )


def sample(strategy, step=1):
    return asyncio.run(strategy.sample(step))


def indices(rows):
    return [row.info["expert_index"] for row in rows if row.info["is_expert"]]


class Rollouts:
    """A stand-in for the queue: returns rows, or raises what a queue raises."""

    def __init__(self, batches, started=None):
        self.batches = list(batches)
        self.started = started

    async def read(self, batch_size):
        if self.started is not None:
            self.started.set()
        batch = self.batches.pop(0)
        if isinstance(batch, Exception):
            raise batch
        assert len(batch) == batch_size
        return batch

    def state_dict(self):
        return {"current_index": 0}

    def load_state_dict(self, state):
        pass


@pytest.fixture
def imitation(checked):
    """Pure imitation in `train` mode: no explorer, no queue, no Ray."""
    return lambda **args: strategy_of(
        checked(
            {
                "mode": "train",
                "cluster.gpu_per_node": 1,
                STRATEGY: {"expert_data_ratio": 1, "expert_rows": 4, **args},
            }
        )
    )


@pytest.fixture
def mixed(checked, monkeypatch):
    """Batches of 4 rollouts, from a list, and 3 expert rows."""

    def build(batches, started=None, changes=None, **args):
        monkeypatch.setattr(
            "trinity_chord.plugin.training.rollout_reader._PatientQueueReader",
            lambda storage: Rollouts(batches, started),
        )
        config = checked(
            {"buffer.batch_size": 1, STRATEGY: {"expert_rows": 3, **args}, **(changes or {})}
        )
        return strategy_of(config)

    return build


def rollouts(start=0):
    return [row(2, number) for number in range(start, start + 4)]


def test_pure_imitation_reads_expert_rows_alone(imitation):
    rows, metrics, shown = sample(imitation())
    assert [row.info["is_expert"] for row in rows] == [True] * 4
    assert metrics["actor/mu"] == 1.0
    assert (metrics["actor/usual/rows"], metrics["actor/expert/rows"]) == (0.0, 4.0)
    # An answer is a digit and the end of the turn: 4 rows of 2 tokens, μ = 1.
    assert {row.info["loss_coef"] for row in rows} == {1 / 8}
    assert shown


def test_an_epoch_has_every_expert_row_once(imitation):
    strategy = imitation()
    rows = [*sample(strategy)[0], *sample(strategy, 2)[0]]
    assert sorted(indices(rows)) == list(range(8))


def test_a_state_that_went_through_json_gives_the_same_next_rows(imitation):
    first = imitation()
    sample(first)
    state = json.loads(json.dumps(first.state_dict()))
    second = imitation()
    second.load_state_dict(state)
    assert indices(sample(second, 2)[0]) == indices(sample(first, 2)[0])


def test_a_state_of_trinitys_mix_skips_the_rows_that_it_had_read(imitation):
    fresh, old = imitation(), imitation()
    sample(fresh)
    old.load_state_dict(
        {"usual_buffer": {"current_index": 0}, "expert_buffer": {"current_index": 4}}
    )
    assert indices(sample(old)[0]) == indices(sample(fresh, 2)[0])


@pytest.mark.parametrize("state", [{}, {"current_index": 3}])
def test_with_the_state_of_another_strategy_it_starts_over(imitation, state):
    fresh, resumed = imitation(), imitation()
    resumed.load_state_dict(state)
    assert indices(sample(resumed)[0]) == indices(sample(fresh)[0])


def test_exhausted_expert_rows_end_the_run_if_so_configured(imitation):
    strategy = imitation(expert_at_end="stop")
    sample(strategy)
    sample(strategy, 2)
    with pytest.raises(StopAsyncIteration):
        sample(strategy, 3)


def test_both_kinds_are_mixed_and_stamped(mixed):
    rows, metrics, _ = sample(mixed([rollouts()]))
    assert [row.info["is_expert"] for row in rows] == [False] * 4 + [True] * 3
    assert {row.info["loss_norm"] for row in rows[:4]} == {1 / 8}  # 4 rows of 2 tokens
    assert metrics["actor/usual/reward"] == 1.0
    assert metrics["expert_data/rows_read"] == 3.0
    assert metrics["sample/model_version/mean"] == 0.0
    assert "time/read_experience" in metrics
    assert len({tuple(row.custom_fields) for row in rows}) == 1


def test_mu_follows_the_step(mixed):
    schedule = {
        "algorithm.policy_loss_fn_args": {"mu_decay_steps": 4, "mu_peak": 0.9, "mu_valley": 0.1}
    }
    strategy = mixed([rollouts(), rollouts()], changes=schedule)
    # 0.1 + 0.8·(1 + cos(π·2/4))/2 = 0.5
    assert [sample(strategy, step)[1]["actor/mu"] for step in (2, 4)] == pytest.approx([0.5, 0.1])


def by_rule(name, **args):
    return {"algorithm.policy_loss_fn_args": {"mu_schedule": name, "mu_schedule_args": args}}


def test_mu_follows_points_given_in_yaml(mixed):
    changes = by_rule("piecewise", points=[[2, 0.5], [4, 0.1]])
    strategy = mixed([rollouts(), rollouts()], changes=changes)
    assert [sample(strategy, step)[1]["actor/mu"] for step in (3, 9)] == pytest.approx([0.3, 0.1])


def test_mu_follows_the_rewards_and_they_are_logged(mixed):
    batch = [row(2, number, reward=reward) for number, reward in enumerate((1.0, 0.0, 0.0, 0.0))]
    rows, metrics, _ = sample(mixed([batch], changes=by_rule("reward_threshold")))
    assert (metrics["actor/mu"], metrics["mu/mean_reward"]) == (0.25, 0.25)
    # 3 expert rows of 2 tokens: μ/6.
    assert rows[-1].info["loss_coef"] == pytest.approx(0.25 / 6)


def test_mu_follows_the_entropy_across_a_resume(mixed):
    rule = by_rule("entropy_target", target=1.5, rate=0.1, initial=0.5)
    first = mixed([rollouts()], changes=rule)
    # The rollouts' log-probabilities are -1/2: 0.5 + 0.1·(1.5 - 0.5).
    assert sample(first)[1]["actor/mu"] == pytest.approx(0.6)
    second = mixed([rollouts()], changes=rule)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    metrics = sample(second, 2)[1]
    assert metrics["actor/mu"] == pytest.approx(0.7)
    assert metrics["mu/entropy"] == pytest.approx(0.5)


def test_a_resumed_run_uses_the_figures_of_the_last_train_step(mixed):
    rule = by_rule("gac", decay_steps=4)
    first = mixed([rollouts(), rollouts()], changes=rule)
    sample(first)
    trained()
    state = json.loads(json.dumps(first.state_dict()))
    second = mixed([rollouts()], changes=rule)
    second.load_state_dict(state)
    resumed, uninterrupted = sample(second, 2)[1], sample(first, 2)[1]
    # All advantages are 1: σ_r² = 0, Δg² = (1/4 - 1)²; μ* = Δg²/2 / (Δg² + 1/4), cosine 0.475.
    assert resumed["actor/mu"] == pytest.approx(0.5 * (0.28125 / 0.8125) + 0.5 * 0.475)
    for name in ("actor/mu", "mu/sigma_r2", "mu/sigma_s2", "mu/delta_g2", "mu/noise_aware"):
        assert resumed[name] == uninterrupted[name]


def test_a_batch_that_cannot_be_read_does_not_change_the_rule(mixed):
    strategy = mixed([TimeoutError("late")], changes=by_rule("entropy_target"))
    before = strategy.state_dict()["mu_rule"]
    with pytest.raises(TimeoutError, match="late"):
        sample(strategy)
    assert strategy.state_dict()["mu_rule"] == before


def test_expert_rows_are_read_while_waiting_for_rollouts(mixed):
    async def both():
        started, served = asyncio.Event(), asyncio.Event()
        strategy = mixed([], started)

        async def wait_for_the_experts(batch_size):
            started.set()
            await asyncio.wait_for(served.wait(), 5)
            return rollouts()

        read = strategy.experts.read

        async def wait_for_the_rollouts(n):
            await asyncio.wait_for(started.wait(), 5)
            batch = await read(n)
            served.set()
            return batch

        strategy.rollouts.reader.read = wait_for_the_experts
        strategy.experts.read = wait_for_the_rollouts
        return await strategy.sample(1)

    assert len(asyncio.run(both())[0]) == 7


def test_rollouts_that_fail_do_not_move_the_expert_stream(mixed):
    strategy = mixed([TimeoutError("late"), rollouts()])
    before = strategy.state_dict()
    with pytest.raises(TimeoutError, match="late"):
        sample(strategy)
    assert strategy.state_dict() == before
    fresh = mixed([rollouts()])
    assert indices(sample(strategy)[0]) == indices(sample(fresh)[0])


def test_exhausted_experts_leave_the_rollouts_for_the_next_read(mixed):
    strategy = mixed([rollouts(0), rollouts(4), rollouts(8)], expert_at_end="stop")
    sample(strategy)
    sample(strategy, 2)
    with pytest.raises(StopAsyncIteration):  # 2 of the 8 expert rows are left, 3 are needed
        sample(strategy, 3)
    assert [row.info["number"] for row in strategy.rollouts.kept] == [8, 9, 10, 11]


def test_returned_rows_are_read_first(mixed):
    strategy = mixed([rollouts(4)])
    strategy.rollouts.give_back(rollouts(0))
    numbers = [[row.info["number"] for row in sample(strategy)[0][:4]] for _ in range(2)]
    assert numbers == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_pure_imitation_with_an_explorer_reads_rollouts_for_their_metrics(mixed):
    strategy = mixed([rollouts()], expert_data_ratio=1)
    rows, metrics, _ = sample(strategy)
    assert [row.info["is_expert"] for row in rows] == [True] * 3
    assert metrics["actor/usual/reward"] == 1.0
    assert metrics["actor/usual/rows"] == 0.0


def test_pure_rl_reads_no_expert_rows(mixed):
    strategy = mixed([rollouts()], changes={STRATEGY: {"expert_data_ratio": 0}})
    rows, metrics, _ = sample(strategy)
    assert [row.info["is_expert"] for row in rows] == [False] * 4
    assert metrics["actor/mu"] == 0.0
    assert strategy.state_dict()["expert_buffer"] is None
