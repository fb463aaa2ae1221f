"""A reference model, a KL term and the entropy are computed only on request."""

import pytest
from trinity.algorithm import ALGORITHM_TYPE, ENTROPY_LOSS_FN, POLICY_LOSS_FN

from trinity_chord.plugin import names

KL_ARGS = "algorithm.kl_loss_fn_args"
ENTROPY_ARGS = "algorithm.entropy_loss_fn_args"


def uses_reference(config):
    return ALGORITHM_TYPE.get(config.algorithm.algorithm_type).use_reference


def loss_of(config):
    algorithm = config.algorithm
    return POLICY_LOSS_FN.get(algorithm.policy_loss_fn)(**algorithm.policy_loss_fn_args)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {KL_ARGS: {"kl_coef": 0.0}},
        {"algorithm.kl_loss_fn": "none"},
        {"algorithm.kl_loss_fn": "k2", KL_ARGS: {"kl_coef": 0.0}},
        {"algorithm.kl_loss_fn": "none", KL_ARGS: {"kl_coef": 0.1}},
        {"algorithm.algorithm_type": names.ALGORITHM_WITH_REFERENCE},
    ],
)
def test_without_a_kl_coefficient_there_is_no_reference_model(checked, changes):
    config = checked(changes)
    assert config.algorithm.policy_loss_fn == names.POLICY_LOSS
    assert config.algorithm.kl_loss_fn == "none"
    assert not uses_reference(config)


@pytest.mark.parametrize(
    ("changes", "kind", "coefficient"),
    [
        ({KL_ARGS: {"kl_coef": 0.05}}, "K2Fn", 0.05),
        ({"algorithm.kl_loss_fn": "k3"}, "K3Fn", 0.001),
        ({"algorithm.kl_loss_fn": "k3", KL_ARGS: {"kl_coef": 0.05}}, "K3Fn", 0.05),
    ],
)
def test_a_requested_kl_is_part_of_our_loss(checked, changes, kind, coefficient):
    config = checked(changes)
    assert config.algorithm.algorithm_type == names.ALGORITHM_WITH_REFERENCE
    assert config.algorithm.kl_loss_fn == "none"  # else Trinity would add its own mean to it
    assert uses_reference(config)
    kl = loss_of(config).kl
    assert (type(kl).__name__, kl.kl_coef) == (kind, coefficient)


def test_adding_a_kl_keeps_the_users_preset(checked):
    config = checked(
        {
            "algorithm.algorithm_type": "trinity_chord.CHORDMuAlgorithm",
            KL_ARGS: {"kl_coef": 0.05},
        }
    )
    assert config.algorithm.policy_loss_fn_args["token_weight"] == "sft"
    assert config.algorithm.sample_strategy_args["mu_schedule_args"]["peak"] == 0.9


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        ({"algorithm.kl_loss_fn": "k9"}, ["algorithm.kl_loss_fn`: got 'k9'"]),
        ({KL_ARGS: {"kl_coef": "much"}}, ["kl_coef`: got 'much', expected a number of at least 0"]),
        ({KL_ARGS: {"kl_coef": -1}}, ["kl_coef`: got -1"]),
        ({KL_ARGS: {"kl_coef": 0.1, "kl_cof": 1}}, ["algorithm.kl_loss_fn_args`", "kl_cof"]),
        ({ENTROPY_ARGS: {"entropy_coef": "low"}}, ["entropy_coef`: got 'low', expected a number"]),
        ({ENTROPY_ARGS: {"entropy_coeff": 0.1}}, ["did you mean `entropy_coef`"]),
    ],
)
def test_bad_values_are_refused(load, changes, texts):
    with pytest.raises(ValueError, match="cannot be run") as caught:
        load(changes).check_and_update()
    for text in texts:
        assert text in str(caught.value)


def test_a_kl_penalty_has_no_effect_and_a_warning_says_so(checked, reported):
    checked({"algorithm.kl_penalty_fn": "k2"})
    assert "`algorithm.kl_penalty_fn`: got 'k2', which has no effect" in reported[-1]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"algorithm.entropy_loss_fn": "mix", ENTROPY_ARGS: {"entropy_coef": 0.0}},
        {"algorithm.entropy_loss_fn": "default"},
        {"algorithm.entropy_loss_fn": "none", ENTROPY_ARGS: {"entropy_coef": 0.1}},
    ],
)
def test_no_entropy_over_the_vocabulary_unless_requested(checked, changes):
    assert checked(changes).algorithm.entropy_loss_fn == "none"


@pytest.mark.parametrize(
    ("changes", "coefficient"),
    [
        ({"algorithm.entropy_loss_fn": names.ENTROPY_LOSS}, 0.0),
        ({ENTROPY_ARGS: {"entropy_coef": 0.01}}, 0.01),
        ({"algorithm.entropy_loss_fn": "mix", ENTROPY_ARGS: {"entropy_coef": 0.01}}, 0.01),
        ({"algorithm.entropy_loss_fn": "default", ENTROPY_ARGS: {"entropy_coef": 0.01}}, 0.01),
    ],
)
def test_a_requested_entropy_loss_is_ours(checked, changes, coefficient):
    algorithm = checked(changes).algorithm
    assert algorithm.entropy_loss_fn == names.ENTROPY_LOSS
    entropy = ENTROPY_LOSS_FN.get(algorithm.entropy_loss_fn)(**algorithm.entropy_loss_fn_args)
    assert entropy.entropy_coef == coefficient
