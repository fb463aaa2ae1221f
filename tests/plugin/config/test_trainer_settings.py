"""Trainer settings that would change the objective are refused, disabled or reported."""

import pytest

from trinity_chord.errors import ChordConfigError

LOSS = "algorithm.policy_loss_fn_args"
RESCALE = "trainer.fix_actor_microbatch_loss_scale"
TEMPERATURE = "model.temperature"

ENTROPY_WEIGHTS = [
    {f"{LOSS}.token_weight": "entropy", f"{LOSS}.token_weight_args": {"vocab_size": 64}},
    {f"{LOSS}.token_weight": "entropy_top"},
    {f"{LOSS}.row_weight": "srft"},
]
OTHER_WEIGHTS = [
    {},
    {f"{LOSS}.token_weight": "psft"},
    {f"{LOSS}.token_weight": "iw_sft_step"},
    {f"{LOSS}.row_weight": "iw_sft"},
    {"algorithm.entropy_loss_fn_args.entropy_coef": 0.01},
]


def epochs(number, layout="actor"):
    return {f"trainer.trainer_config.{layout}.ppo_epochs": number}


@pytest.mark.parametrize("layout", ["actor", "actor_rollout_ref.actor"])
@pytest.mark.parametrize("weight", ENTROPY_WEIGHTS)
def test_several_epochs_with_a_weight_of_the_entropy_are_refused(load, weight, layout):
    with pytest.raises(ChordConfigError, match=r"actor\.ppo_epochs`: got 2, expected 1"):
        load({**weight, **epochs(2, layout)}).check_and_update()


@pytest.mark.parametrize("weight", ENTROPY_WEIGHTS)
@pytest.mark.parametrize("changes", [{}, epochs(1)])
def test_one_epoch_with_a_weight_of_the_entropy_is_accepted(checked, weight, changes):
    assert checked({**weight, **changes}).algorithm.bypass_old_logprobs is False


@pytest.mark.parametrize("weight", OTHER_WEIGHTS)
def test_several_epochs_with_any_other_weight_are_accepted(checked, weight):
    checked({**weight, **epochs(2)})


def test_verls_rescaling_of_the_loss_is_disabled(checked, reported):
    config = checked({RESCALE: True})
    assert config.trainer.fix_actor_microbatch_loss_scale is False
    assert any(f"`{RESCALE}`: got True, set to False" in line for line in reported)


def test_nothing_is_said_of_a_rescaling_that_is_off(checked, reported):
    checked()
    assert not any(RESCALE in line for line in reported)


def test_a_smaller_mini_batch_has_no_effect_and_that_is_reported(checked, reported):
    from trinity.trainer.verl.config import FROZEN_KEYS

    config = checked({"trainer.trainer_config.actor.ppo_mini_batch_size": 4})
    assert "actor.ppo_mini_batch_size" in FROZEN_KEYS  # so Trinity ignores it
    assert config.buffer.train_batch_size == 16
    (line,) = [line for line in reported if "ppo_mini_batch_size`: got 4" in line]
    assert "one optimizer step per epoch, of all 16 rows" in line


@pytest.mark.parametrize(("temperature", "expected"), [(0.7, True), (1.0, False), (1, False)])
def test_a_temperature_other_than_1_is_reported_as_part_of_the_objective(
    checked, reported, temperature, expected
):
    checked({TEMPERATURE: temperature})
    assert any(f"`{TEMPERATURE}`: got {temperature}" in line for line in reported) is expected
