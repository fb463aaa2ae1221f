"""Our loss, sample strategy, entropy loss and algorithm stand together or not at all."""

import pytest

from trinity_chord.errors import ChordConfigError
from trinity_chord.plugin import names

FOREIGN = {
    "algorithm.sample_strategy": ["default", "warmup", "staleness_control"],
    "algorithm.policy_loss_fn": ["ppo", "sft", "mix"],
    "algorithm.entropy_loss_fn": ["basic", "no_such"],
}


@pytest.mark.parametrize(
    ("key", "found"), [(key, found) for key, values in FOREIGN.items() for found in values]
)
def test_a_foreign_part_under_our_algorithm_is_refused(load, key, found):
    with pytest.raises(ChordConfigError) as caught:
        load({key: found}).check_and_update()
    assert f"`{key}`: got {found!r}, expected 'trinity_chord." in str(caught.value)


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("policy_loss_fn", names.POLICY_LOSS),
        ("policy_loss_fn", "trinity_chord.plugin.training.policy_loss.CHORDPolicyLossFn"),
        ("sample_strategy", names.SAMPLE_STRATEGY),
        ("entropy_loss_fn", names.ENTROPY_LOSS),
    ],
)
@pytest.mark.parametrize("algorithm", ["grpo", "mix_chord"])
def test_our_part_under_a_foreign_algorithm_is_refused(load, algorithm, key, part):
    changes = {
        "algorithm": {"algorithm_type": algorithm, "repeat_times": 4, key: part},
        "buffer.train_batch_size": 8,
    }
    with pytest.raises(ChordConfigError) as caught:
        load(changes).check_and_update()
    text = str(caught.value)
    assert f"`algorithm.algorithm_type`: got {algorithm!r}" in text
    assert "expected trinity_chord.CHORDAlgorithm" in text
    assert f"`algorithm.{key}: {part}`" in text


def test_a_foreign_algorithm_with_its_own_parts_is_left_alone(checked):
    config = checked({"algorithm": {"algorithm_type": "grpo", "repeat_times": 4}})
    assert config.algorithm.policy_loss_fn == "ppo"


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("policy_loss_fn", names.POLICY_LOSS),
        ("policy_loss_fn", "trinity_chord.plugin.training.policy_loss.CHORDPolicyLossFn"),
        (
            "sample_strategy",
            "trinity_chord.plugin.training.sample_strategy.ExpertMixSampleStrategy",
        ),
    ],
)
def test_our_parts_may_be_named_by_either_path(checked, key, part):
    algorithm = checked({f"algorithm.{key}": part}).algorithm
    assert getattr(algorithm, key) == names.PARTS[key][0]


def test_a_class_of_ours_in_another_package_is_not_ours():
    assert not names.is_ours("policy_loss_fn", "mine.CHORDPolicyLossFn")
    assert not names.is_ours("policy_loss_fn", "trinity_chord.ExpertMixSampleStrategy")


def test_router_replay_is_refused(load):
    with pytest.raises(ChordConfigError, match="enable_router_replay`: got True, expected false"):
        load({"algorithm.enable_router_replay": True}).check_and_update()


def test_the_validator_is_there_once():
    from trinity.common.config_validator import validators

    from trinity_chord.plugin.config.validator import ExpertMixValidator, install

    install()
    assert sum(isinstance(v, ExpertMixValidator) for v in validators) == 1
