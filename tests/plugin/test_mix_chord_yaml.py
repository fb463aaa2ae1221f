"""A YAML for Trinity's `mix_chord` runs after changing the algorithm's line."""

import pytest

KEYS = {
    "algorithm": {
        "algorithm_type": "mix_chord",
        "repeat_times": 4,
        "kl_loss_fn_args": {"kl_coef": 0.0},
        "sample_strategy_args": {"expert_data_ratio": 0.5, "sft_dataset_name": "sft_dataset"},
        "policy_loss_fn_args": {
            "mu_warmup_steps": 200,
            "mu_decay_steps": 400,
            "mu_peak": 0.5,
            "mu_valley": 0.02,
            "enable_phi_function": True,
            "clip_range": 0.2,
            "sft_loss_agg_mode": "token-mean",
            "use_dynamic_bsz": True,
            "ppo_mini_batch_size": 16,
            "ppo_micro_batch_size_per_gpu": 4,
            "ngpus_trainer": 1,
            "train_batch_size_usual": 8,
            "train_batch_size_expert": 8,
        },
    },
    "buffer.train_batch_size": 16,
}
OURS = "trinity_chord.CHORDAlgorithm"


def warnings_of(reported):
    return [message for message in reported if "can be left out" in message]


def test_trinity_itself_accepts_the_yaml(checked):
    assert checked(KEYS).algorithm.policy_loss_fn == "mix_chord"


def test_only_the_algorithms_line_is_changed(checked, reported):
    config = checked({**KEYS, "algorithm.algorithm_type": OURS})
    args = config.algorithm.sample_strategy_args
    assert (args["on_policy_rows"], args["expert_rows"]) == (8, 8)
    assert args["mu_schedule_args"] == {
        "warmup_steps": 200,
        "decay_steps": 400,
        "peak": 0.5,
        "valley": 0.02,
    }
    assert config.algorithm.policy_loss_fn_args["token_weight"] == "phi"
    assert (config.algorithm.algorithm_type, config.algorithm.kl_loss_fn) == (OURS, "none")
    assert warnings_of(reported) == []


def test_the_parts_of_mix_chord_may_be_named(checked):
    parts = {
        "algorithm.policy_loss_fn": "mix_chord",
        "algorithm.sample_strategy": "mix",
        "algorithm.entropy_loss_fn": "mix",
        "algorithm.entropy_loss_fn_args": {"entropy_coef": 0.0},
    }
    algorithm = checked({**KEYS, **parts, "algorithm.algorithm_type": OURS}).algorithm
    assert algorithm.policy_loss_fn == "trinity_chord.CHORDPolicyLossFn"
    assert algorithm.sample_strategy == "trinity_chord.ExpertMixSampleStrategy"
    assert algorithm.entropy_loss_fn == "none"


@pytest.mark.parametrize(
    ("key", "wrong", "right"),
    [
        ("use_dynamic_bsz", False, "True"),
        ("ppo_mini_batch_size", 320, "16"),
        ("ngpus_trainer", 4, "1"),
        ("train_batch_size_usual", 256, "8"),
        ("train_batch_size_expert", 64, "8"),
    ],
)
def test_a_wrong_batch_number_is_reported_with_the_right_one(checked, reported, key, wrong, right):
    changes = {
        **KEYS,
        "algorithm.algorithm_type": OURS,
        f"algorithm.policy_loss_fn_args.{key}": wrong,
    }
    checked(changes)
    (line,) = warnings_of(reported)
    assert f"`algorithm.policy_loss_fn_args.{key}`: got {wrong!r}, but it is {right}" in line


@pytest.mark.parametrize("layout", ["actor", "actor_rollout_ref.actor"])
def test_a_wrong_micro_batch_is_reported_if_its_size_is_fixed(checked, reported, layout):
    changes = {
        **KEYS,
        "algorithm.algorithm_type": OURS,
        "algorithm.policy_loss_fn_args.use_dynamic_bsz": False,
        "trainer.use_dynamic_bsz": False,
        f"trainer.trainer_config.{layout}.ppo_micro_batch_size_per_gpu": 2,
    }
    checked(changes)
    (line,) = warnings_of(reported)
    assert "ppo_micro_batch_size_per_gpu`: got 4, but it is 2" in line


def test_a_key_that_mix_chord_does_not_have_either_is_refused(load):
    key = "algorithm.policy_loss_fn_args.use_token_level_loss_in_sft"
    config = load({**KEYS, "algorithm.algorithm_type": OURS, key: True})
    with pytest.raises(ValueError, match="use_token_level_loss_in_sft"):
        config.check_and_update()
