"""The trainer's GPUs, which Ray counts if `cluster` is not set."""

import pytest

from trinity_chord.errors import ChordConfigError
from trinity_chord.plugin.backends.cluster import data_parallel_ranks, trainer_gpus

ASK_RAY = {"cluster": {"node_num": 0, "gpu_per_node": 0}}


@pytest.fixture
def ray_with(monkeypatch):
    """A stand-in for a Ray whose nodes have given resources; lists the connections to it."""
    asked = []

    def stand_in(*nodes):
        monkeypatch.setattr("ray.is_initialized", lambda: False)
        monkeypatch.setattr("ray.init", lambda **kwargs: asked.append(kwargs))
        monkeypatch.setattr("ray.shutdown", lambda: None)
        alive = [{"alive": True, "Resources": resources} for resources in nodes]
        monkeypatch.setattr("ray.nodes", lambda: alive)
        return asked

    return stand_in


def test_without_ray_the_error_says_what_to_do(load, monkeypatch):
    def no_ray(**kwargs):
        raise ConnectionError("Could not find any running Ray instance")

    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", no_ray)
    with pytest.raises(ChordConfigError) as caught:
        load(ASK_RAY).check_and_update()
    text = str(caught.value)
    assert "`cluster`: got neither node_num and gpu_per_node nor a running Ray" in text
    assert "`ray start --head`" in text


def test_a_ray_without_gpus_is_refused_with_the_next_step(load, ray_with):
    ray_with({"CPU": 2.0})
    with pytest.raises(ChordConfigError) as caught:
        load(ASK_RAY).check_and_update()
    assert "ray start --head --num-gpus=N" in str(caught.value)
    assert "`trinity-chord run`" in str(caught.value)


def test_the_running_ray_is_counted_once_and_the_configuration_left_alone(load, ray_with):
    asked = ray_with({"GPU": 4.0}, {"GPU": 4.0})
    config = load({**ASK_RAY, "explorer.rollout_model.engine_num": 4})
    assert trainer_gpus(config) == 4
    assert len(asked) == 1
    assert (config.cluster.node_num, config.cluster.trainer_gpu_num) == (0, 0)


def test_a_run_queries_ray_once_in_addition_to_trinity(load, ray_with):
    asked = ray_with({"GPU": 2.0})
    load(ASK_RAY).check_and_update()
    assert len(asked) == 2


def test_a_cluster_without_gpus_left_for_the_trainer_is_refused(load):
    with pytest.raises(ChordConfigError, match="Not enough GPUs for trainer"):
        load({"explorer.rollout_model.engine_num": 2}).check_and_update()


def test_megatron_counts_its_parallel_sizes(load):
    config = load(
        {
            "cluster.gpu_per_node": 9,
            "trainer.trainer_strategy": "megatron",
            "trainer.megatron.tensor_model_parallel_size": 2,
            "trainer.megatron.pipeline_model_parallel_size": 2,
        }
    )
    assert data_parallel_ranks(config) == 2


def test_gpus_that_cannot_be_grouped_are_refused(load):
    config = load({"cluster.gpu_per_node": 4, "trainer.ulysses_sequence_parallel_size": 2})
    with pytest.raises(ValueError, match="got 3 GPUs for the trainer, expected a multiple of 2"):
        data_parallel_ranks(config)
