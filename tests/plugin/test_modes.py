"""What is derived in each of Trinity's modes."""

import pytest

from tests.plugin.conftest import AUXILIARY
from trinity_chord.errors import ChordConfigError
from trinity_chord.plugin import names

BUFFER = "buffer.trainer_input.experience_buffer"
STRATEGY = "algorithm.sample_strategy_args"
TRAIN = {"mode": "train", "cluster.gpu_per_node": 1}


@pytest.mark.parametrize("storage", ["sql", "queue"])
def test_train_splits_the_given_batch(checked, storage):
    config = checked({**TRAIN, f"{BUFFER}.storage_type": storage, "buffer.train_batch_size": 10})
    args = config.algorithm.sample_strategy_args
    assert (args["on_policy_rows"], args["expert_rows"]) == (5, 5)
    assert config.cluster.trainer_gpu_num == 1


def test_train_needs_a_batch(load):
    with pytest.raises(ChordConfigError, match=r"`buffer.train_batch_size`: got None"):
        load(TRAIN).check_and_update()


def test_train_cannot_read_rollouts_from_a_file(load, tmp_path):
    changes = {
        **TRAIN,
        f"{BUFFER}.storage_type": "file",
        f"{BUFFER}.path": str(tmp_path),
        "buffer.train_batch_size": 8,
    }
    with pytest.raises(ChordConfigError) as caught:
        load(changes).check_and_update()
    assert f"`{BUFFER}.storage_type`: got 'file', expected 'sql'" in str(caught.value)


def test_with_an_explorer_a_rollout_buffer_in_a_file_becomes_a_queue(checked):
    config = checked({f"{BUFFER}.storage_type": "file"})
    assert config.buffer.trainer_input.experience_buffer.storage_type == "queue"


def test_train_with_experts_alone_ends_after_the_buffers_steps(checked):
    config = checked({**TRAIN, STRATEGY: {"expert_data_ratio": 1, "expert_rows": 4}})
    assert config.buffer.train_batch_size == 4
    assert config.trainer.total_steps == 3
    assert config.algorithm.sample_strategy_args["discarded_rows"] == 0


def test_train_with_experts_alone_ends_after_the_buffers_epochs(checked):
    changes = {
        **TRAIN,
        STRATEGY: {"expert_data_ratio": 1, "expert_rows": 3},
        "buffer.total_steps": None,
        "buffer.total_epochs": 2,
    }
    # Two epochs of 8 rows hold five batches of 3.
    assert checked(changes).trainer.total_steps == 5


def test_train_with_fewer_experts_than_a_batch_is_refused(load):
    changes = {
        **TRAIN,
        STRATEGY: {"expert_data_ratio": 1, "expert_rows": 9},
        "buffer.total_steps": None,
    }
    with pytest.raises(ChordConfigError, match="got 9, expected at most the 8 expert rows"):
        load(changes).check_and_update()


def test_train_with_experts_alone_may_end_with_their_rows(checked):
    args = {"expert_data_ratio": 1, "expert_rows": 4, "expert_at_end": "stop"}
    config = checked({**TRAIN, STRATEGY: args, "buffer.total_steps": None})
    assert config.trainer.total_steps is None


def test_a_batch_that_rounds_to_experts_alone_is_pure_imitation(checked):
    changes = {**TRAIN, STRATEGY: {"expert_rows": 4}, "buffer.train_batch_size": 4}
    args = checked(changes).algorithm.sample_strategy_args
    assert args["mu_schedule_args"] == {"value": 1.0}


def test_colocate_counts_the_explorers_rows(checked):
    config = checked({"mode": "colocate", "cluster.gpu_per_node": 1})
    args = config.algorithm.sample_strategy_args
    assert (args["on_policy_rows"], args["expert_rows"]) == (8, 8)
    assert config.cluster.trainer_gpu_num == 1


def test_one_gpu_under_ray_becomes_colocate_with_the_same_batch(checked, monkeypatch):
    monkeypatch.setattr("ray.is_initialized", lambda: True)
    monkeypatch.setattr("ray.nodes", lambda: [{"alive": True, "Resources": {"GPU": 1.0}}])
    config = checked({"cluster": {"node_num": 0, "gpu_per_node": 0}})
    assert config.mode == "colocate"
    assert config.buffer.train_batch_size == 16


@pytest.mark.parametrize("mode", ["explore", "bench"])
def test_without_a_trainer_nothing_is_derived(checked, mode):
    config = checked({"mode": mode, AUXILIARY: {}})
    assert config.algorithm.sample_strategy == names.SAMPLE_STRATEGY
    assert names.DERIVED not in config.algorithm.sample_strategy_args


@pytest.mark.parametrize("mode", ["explore", "bench"])
def test_without_a_trainer_a_wrong_setting_is_still_refused(load, mode):
    with pytest.raises(ChordConfigError, match="mu_peak`: got 2"):
        load({"mode": mode, "algorithm.policy_loss_fn_args.mu_peak": 2}).check_and_update()
