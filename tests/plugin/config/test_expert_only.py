"""Weighted SFT without rollouts, from a configuration as Trinity's `sft` takes it."""

import pytest

from tests.plugin.conftest import AUXILIARY
from trinity_chord.errors import ChordConfigError
from trinity_chord.plugin import names

LOSS = "algorithm.policy_loss_fn_args"


@pytest.fixture
def alone(load):
    """A configuration of weighted SFT whose data set is the experience buffer."""

    def make(algorithm="WeightedSFTAlgorithm", **changes):
        config = load(
            {
                "algorithm.algorithm_type": f"trinity_chord.{algorithm}",
                "mode": "train",
                "cluster.gpu_per_node": 1,
                "algorithm.sample_strategy_args": None,
                "buffer.train_batch_size": 4,
                "buffer.total_steps": None,
                **changes,
            }
        )
        inputs = config.buffer.trainer_input
        inputs.experience_buffer = inputs.auxiliary_buffers.pop("sft_dataset")
        return config

    return make


def test_the_data_set_may_be_the_experience_buffer_as_in_trinitys_sft(alone):
    config = alone()
    path = config.buffer.trainer_input.experience_buffer.path
    config.check_and_update()
    args = config.algorithm.sample_strategy_args
    assert (args["on_policy_rows"], args["expert_rows"]) == (0, 4)
    assert args["experts"]["sets"] == {"sft_dataset": 1.0}
    assert config.buffer.trainer_input.auxiliary_buffers["sft_dataset"].path == path


def test_the_data_set_may_be_an_auxiliary_buffer(load):
    config = load(
        {
            "algorithm.algorithm_type": "trinity_chord.WeightedSFTAlgorithm",
            "mode": "train",
            "cluster.gpu_per_node": 1,
            "algorithm.sample_strategy_args": None,
            "buffer.train_batch_size": 4,
        }
    )
    config.check_and_update()
    assert config.algorithm.sample_strategy_args["expert_rows"] == 4


def test_it_is_pure_imitation_that_ends_with_the_epoch(alone):
    config = alone()
    config.check_and_update()
    assert config.algorithm.sample_strategy_args["mu_schedule_args"] == {"value": 1.0}
    assert config.trainer.total_steps == 2


@pytest.mark.parametrize(
    ("algorithm", "token", "row", "reference"),
    [
        ("WeightedSFTAlgorithm", "sft", "all", False),
        ("DFTAlgorithm", "dft", "all", False),
        ("IWSFTAlgorithm", "sft", "iw_sft", True),
    ],
)
def test_the_presets_weights_and_reference(alone, algorithm, token, row, reference):
    config = alone(algorithm)
    config.check_and_update()
    args = config.algorithm.policy_loss_fn_args
    assert (args["token_weight"], args["row_weight"]) == (token, row)
    named = config.algorithm.algorithm_type
    assert named == (names.ALGORITHM_WITH_REFERENCE if reference else names.ALGORITHM)


def test_a_weight_that_the_user_chose_overrides_the_presets(alone):
    config = alone("DFTAlgorithm", **{f"{LOSS}.token_weight": "phi"})
    config.check_and_update()
    assert config.algorithm.policy_loss_fn_args["token_weight"] == "phi"


def test_a_weight_of_the_old_policy_makes_trinity_compute_it(alone):
    config = alone(**{f"{LOSS}.token_weight": "psft"})
    assert config.algorithm.bypass_old_logprobs
    config.check_and_update()
    assert not config.algorithm.bypass_old_logprobs


def test_a_mode_with_rollouts_is_refused(load):
    changes = {
        "algorithm.algorithm_type": "trinity_chord.IWSFTAlgorithm",
        "algorithm.sample_strategy_args": {"expert_rows": 3},
    }
    with pytest.raises(ChordConfigError) as caught:
        load(changes).check_and_update()
    assert "`mode`: got 'both', expected 'train'" in str(caught.value)
    assert "expert_rows`: got 3, expected no value" in str(caught.value)


def test_a_missing_data_set_is_named(alone):
    config = alone()
    config.buffer.trainer_input.experience_buffer = None
    with pytest.raises(ChordConfigError) as caught:
        config.check_and_update()
    assert AUXILIARY in str(caught.value)
