"""This package's loss, sample strategy, entropy loss and algorithm are used together or refused."""

import pytest
from trinity.common import config_validator

from trinity_chord.errors import ChordConfigError
from trinity_chord.launch.diagnose import find_problems
from trinity_chord.plugin import install, names
from trinity_chord.plugin.config.validator import ExpertMixValidator

TRINITYS = {
    "algorithm.sample_strategy": ["default", "warmup", "staleness_control"],
    "algorithm.policy_loss_fn": ["ppo", "sft", "mix"],
    "algorithm.entropy_loss_fn": ["basic", "no_such"],
}


@pytest.mark.parametrize(
    ("key", "found"), [(key, found) for key, values in TRINITYS.items() for found in values]
)
def test_a_part_of_trinity_under_our_algorithm_is_refused(load, key, found):
    with pytest.raises(ChordConfigError) as caught:
        load({key: found}).check_and_update()
    assert f"`{key}`: got {found!r}, expected 'trinity_chord." in str(caught.value)


@pytest.fixture
def without_validator():
    """Trinity's validators as in a process that has not used a public name of this package."""
    before = list(config_validator.validators)
    config_validator.validators[:] = [
        each for each in before if not isinstance(each, ExpertMixValidator)
    ]
    yield
    config_validator.validators[:] = before


PUBLIC = {
    "policy_loss_fn": names.POLICY_LOSS,
    "sample_strategy": names.SAMPLE_STRATEGY,
    "entropy_loss_fn": names.ENTROPY_LOSS,
}
DEEP = {
    "policy_loss_fn": "trinity_chord.plugin.training.policy_loss.CHORDPolicyLossFn",
    "sample_strategy": "trinity_chord.plugin.training.sample_strategy.ExpertMixSampleStrategy",
    "entropy_loss_fn": "trinity_chord.plugin.training.entropy_loss.ExpertMixEntropyLossFn",
}


def under(algorithm, key, part):
    """Changes that put a part under an algorithm of Trinity."""
    return {
        "algorithm": {"algorithm_type": algorithm, "repeat_times": 4, key: part},
        "buffer.train_batch_size": 8,
    }


@pytest.mark.parametrize(("key", "part"), [*PUBLIC.items(), *DEEP.items()])
@pytest.mark.parametrize("algorithm", ["grpo", "mix_chord"])
def test_our_part_under_an_algorithm_of_trinity_is_refused(load, algorithm, key, part):
    install()
    with pytest.raises(ChordConfigError) as caught:
        load(under(algorithm, key, part)).check_and_update()
    text = str(caught.value)
    assert f"`algorithm.algorithm_type`: got {algorithm!r}" in text
    assert "expected trinity_chord.CHORDAlgorithm" in text
    assert f"`algorithm.{key}: {part}`" in text


@pytest.mark.parametrize(("key", "part"), [*PUBLIC.items(), *DEEP.items()])
def test_the_check_command_refuses_it_in_a_process_that_used_no_public_name_before(
    load, without_validator, key, part
):
    problems, _ = find_problems(load(under("grpo", key, part)))
    assert any(f"`algorithm.{key}: {part}`" in problem for problem in problems)


def test_an_algorithm_of_trinity_with_its_own_parts_is_left_alone(checked):
    config = checked({"algorithm": {"algorithm_type": "grpo", "repeat_times": 4}})
    assert config.algorithm.policy_loss_fn == "ppo"


@pytest.mark.parametrize(("key", "part"), [*PUBLIC.items(), *DEEP.items()])
def test_our_parts_may_be_named_by_either_path(checked, key, part):
    algorithm = checked({f"algorithm.{key}": part}).algorithm
    assert getattr(algorithm, key) == names.PARTS[key]


def test_a_class_of_ours_in_another_package_is_not_ours():
    assert not names.is_ours("policy_loss_fn", "mine.CHORDPolicyLossFn")
    assert not names.is_ours("policy_loss_fn", "trinity_chord.ExpertMixSampleStrategy")


def test_router_replay_is_refused(load):
    with pytest.raises(ChordConfigError, match="enable_router_replay`: got True, expected false"):
        load({"algorithm.enable_router_replay": True}).check_and_update()
