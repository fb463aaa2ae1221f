"""What `algorithm.policy_loss_fn_args` means, and what is refused."""

import math

import pytest

from trinity_chord.errors import Problems
from trinity_chord.objective import get_schedule
from trinity_chord.plugin.algorithm import (
    CHORDAlgorithm,
    CHORDMuAlgorithm,
    CHORDPhiAlgorithm,
)
from trinity_chord.plugin.config.objective_settings import read_objective


def read(args, defaults=CHORDAlgorithm.objective_defaults, loss_agg_mode=None):
    problems = Problems()
    return read_objective(args, defaults, loss_agg_mode, problems), problems.lines


def read_well(args, **kwargs):
    settings, lines = read(args, **kwargs)
    assert lines == []
    return settings


@pytest.mark.parametrize(
    ("preset", "weight", "mu_first", "mu_late"),
    [
        (CHORDAlgorithm, "phi", 0.1, 0.1),
        (CHORDPhiAlgorithm, "phi", 0.1, 0.1),
        (CHORDMuAlgorithm, "sft", 0.9, 0.05),
    ],
)
def test_a_preset_fills_in_what_is_not_given(preset, weight, mu_first, mu_late):
    settings = read_well({}, defaults=preset.objective_defaults)
    mu = get_schedule(settings.mu_schedule, **settings.mu_schedule_args)
    assert settings.token_weight == weight
    assert mu(0) == pytest.approx(mu_first)
    assert mu(200) == pytest.approx(mu_late)


@pytest.mark.parametrize("step", [0, 1, 3, 5, 8, 11, 12, 50])
def test_mu_is_that_of_trinitys_mix_chord(step):
    from trinity.algorithm.policy_loss_fn.chord_policy_loss import mu_schedule_function

    keys = {"mu_warmup_steps": 4, "mu_decay_steps": 8, "mu_peak": 0.5, "mu_valley": 0.02}
    settings = read_well(keys)
    mu = get_schedule(settings.mu_schedule, **settings.mu_schedule_args)
    assert mu(step) == pytest.approx(mu_schedule_function(step, **keys))


@pytest.mark.parametrize(("switch", "weight"), [(True, "phi"), (False, "sft")])
def test_enable_phi_function_is_the_token_weight(switch, weight):
    for preset in (CHORDMuAlgorithm, CHORDPhiAlgorithm):
        settings = read_well({"enable_phi_function": switch}, defaults=preset.objective_defaults)
        assert settings.token_weight == weight


@pytest.mark.parametrize(
    ("args", "clips"),
    [
        ({}, (0.2, 0.2, 3.0)),
        ({"clip_range": 0.3}, (0.3, 0.3, 3.0)),
        ({"clip_range": 0.3, "clip_range_high": 0.28}, (0.3, 0.28, 3.0)),
        ({"clip_range_low": 0, "clip_ratio_c": 5}, (0, 0.2, 5)),
    ],
)
def test_clip_ranges(args, clips):
    assert tuple(read_well(args).clips.values()) == clips


@pytest.mark.parametrize(
    ("args", "outer", "modes"),
    [
        ({}, None, ("token-mean", "token-mean")),
        ({}, "seq-mean-token-mean", ("seq-mean-token-mean", "seq-mean-token-mean")),
        ({"loss_agg_mode": "seq-mean-token-sum"}, None, ("seq-mean-token-sum",) * 2),
        (
            {"sft_loss_agg_mode": "seq-mean-token-sum"},
            "seq-mean-token-mean",
            ("seq-mean-token-mean", "seq-mean-token-sum"),
        ),
        ({"grpo_loss_agg_mode": "seq-mean-token-sum"}, None, ("seq-mean-token-sum", "token-mean")),
    ],
)
def test_aggregation_modes_of_either_kind(args, outer, modes):
    settings = read_well(args, loss_agg_mode=outer)
    assert (settings.on_policy_mode, settings.expert_mode) == modes


def test_the_six_batch_numbers_are_accepted_as_claims():
    claims = {
        "use_dynamic_bsz": True,
        "ppo_mini_batch_size": 320,
        "ppo_micro_batch_size_per_gpu": 4,
        "ngpus_trainer": 4,
        "train_batch_size_usual": 256,
        "train_batch_size_expert": 64,
    }
    assert read_well(claims).batch_claims == claims


def test_every_key_of_trinitys_mix_chord_is_known():
    import inspect

    from trinity.algorithm.policy_loss_fn.chord_policy_loss import MIXCHORDPolicyLossFn

    keys = set(inspect.signature(MIXCHORDPolicyLossFn.__init__).parameters) - {"self", "backend"}
    assert read(dict.fromkeys(keys))[1] == []


@pytest.mark.parametrize(
    ("args", "needs"),
    [
        ({}, set()),
        ({"row_weight": "iw_sft"}, {"ref_logprob"}),
        ({"token_weight": "psft"}, {"old_logprob"}),
        ({"token_weight": "psft", "row_weight": "srft"}, {"old_logprob", "entropy"}),
        ({"token_weight": "entropy_top"}, {"entropy"}),
    ],
)
def test_the_tensors_that_the_weights_need(args, needs):
    assert read_well(args).needs == needs


def test_the_loss_gets_the_value_of_every_slot():
    args = {
        "token_weight": "trsft",
        "token_weight_args": {"alpha": 0.2},
        "row_weight": "iw_sft",
        "rl_loss": "gspo",
        "rl_loss_args": {"clip_range": 0.1},
    }
    loss_args = read_well(args).loss_args()
    assert {key: loss_args[key] for key in args} == args


def test_a_schedule_by_name_takes_its_own_arguments():
    settings = read_well({"mu_schedule": "constant", "mu_schedule_args": {"value": 0.3}})
    assert (settings.mu_schedule, settings.mu_schedule_args) == ("constant", {"value": 0.3})


@pytest.mark.parametrize(
    ("name", "args", "feedback"),
    [
        ("linear", {"decay_steps": 10}, False),
        ("cosine", {}, False),
        ("piecewise", {"points": [[1, 0.9], [100, 0.1]]}, False),
        ("reward_threshold", {"threshold": 0.7}, False),
        ("entropy_target", {"target": 0.4}, False),
        ("gac", {"alpha": 0.2}, True),
        ("trinity_chord.objective.GAC", {}, True),
    ],
)
def test_a_mu_rule_is_found_by_its_name(name, args, feedback):
    settings = read_well({"mu_schedule": name, "mu_schedule_args": args})
    assert (settings.mu_schedule, settings.mu_schedule_args) == (name, args)
    assert settings.mu_feedback is feedback


def test_the_schedule_of_mix_chords_keys_needs_no_feedback():
    assert read_well({"mu_peak": 0.5}).mu_feedback is False


@pytest.mark.parametrize(
    ("args", "texts"),
    [
        ({"mu_peek": 0.5}, ["policy_loss_fn_args.mu_peek`: got 0.5", "did you mean `mu_peak`"]),
        ({"mu_peak": 1.5}, ["mu_peak`: got 1.5, expected a number in [0, 1]"]),
        ({"mu_valley": -0.1}, ["mu_valley`: got -0.1"]),
        ({"mu_peak": "high"}, ["mu_peak`: got 'high'"]),
        ({"mu_peak": math.nan}, ["mu_peak`: got nan"]),
        ({"mu_decay_steps": -1}, ["mu_decay_steps`: got -1"]),
        ({"mu_warmup_steps": 1.5}, ["mu_warmup_steps`: got 1.5, expected a whole number"]),
        ({"token_weight": "phy"}, ["unknown token weight 'phy'", "did you mean 'phi'"]),
        ({"token_weight": ["phi"]}, ["token_weight`: got ['phi'], expected a name"]),
        ({"token_weight_args": 3}, ["token_weight_args`: got 3, expected a mapping"]),
        (
            {"token_weight_args": {"power": 2}},
            ["'phi': got the arguments ['power']", "expected none"],
        ),
        (
            {"token_weight": "margin"},
            ["got 'margin'", "most likely other token", "own loop only"],
        ),
        ({"row_weight": "iw"}, ["unknown row weight 'iw'"]),
        (
            {"row_weight_args": {"high": 2}},
            ["row weight 'all': got the arguments ['high'], expected none"],
        ),
        ({"rl_loss": "gpso"}, ["rl_loss: got 'gpso', which is unknown", "'gspo'"]),
        ({"rl_loss": "sft"}, ["got 'sft', which is not a loss of rollouts"]),
        ({"rl_loss": "gspo", "clip_range": 0.1}, ["clip_range`: got 0.1", "rl_loss_args"]),
        ({"enable_phi_function": "yes"}, ["enable_phi_function`: got 'yes'", "true or false"]),
        (
            {"enable_phi_function": True, "token_weight": "sft"},
            ["a value that agrees with `token_weight: sft`", "give one of the two keys"],
        ),
        ({"mu_schedule": "cosin"}, ["unknown μ schedule 'cosin'"]),
        ({"mu_schedule": "constent"}, ["did you mean 'constant'"]),
        ({"mu_schedule": ["constant"]}, ["mu_schedule`: got ['constant'], expected a name"]),
        ({"mu_schedule": "piecewise"}, ["mu_schedule`", "points: got nothing"]),
        (
            {"mu_schedule": "gac", "mu_schedule_args": {"alpha": 2}},
            ["policy_loss_fn_args.mu_schedule`", "alpha: got 2, expected a number in [0, 1]"],
        ),
        ({"mu_schedule": "my.Rule"}, ["'my.Rule' cannot be imported", "'my'"]),
        ({"mu_schedule": "gac", "mu_schedule_args": {1: 2}}, ["a mapping of names to values"]),
        (
            {"mu_schedule": "constant", "mu_peak": 0.5},
            ["mu_peak`: got 0.5, expected no value, because `mu_schedule`"],
        ),
        ({"mu_schedule": "constant", "mu_schedule_args": {"value": 2}}, ["value: got 2"]),
        (
            {"mu_schedule_args": {"value": 0.1}},
            ["mu_schedule_args`: got", "because there is no `mu_schedule`"],
        ),
        ({"clip_range": -0.2}, ["policy_loss_fn_args.clip_range`: got -0.2"]),
        ({"clip_range_high": math.nan}, ["clip_range_high`: got nan"]),
        ({"clip_ratio_c": 1.0}, ["clip_ratio_c`: got 1.0, expected a number above 1"]),
        ({"sft_loss_agg_mode": "mean"}, ["sft_loss_agg_mode`: got 'mean'", "token-mean"]),
        ({"loss_agg_mode": "mean"}, ["policy_loss_fn_args.loss_agg_mode`: got 'mean'"]),
    ],
)
def test_each_problem_is_reported_once_with_what_was_expected(args, texts):
    _, lines = read(args)
    assert len(lines) == 1
    for text in texts:
        assert text in lines[0]


def test_two_aggregation_keys_that_differ_are_refused():
    _, lines = read({"loss_agg_mode": "token-mean"}, loss_agg_mode="seq-mean-token-sum")
    assert "the value of `algorithm.loss_agg_mode`, 'seq-mean-token-sum'" in lines[0]


def test_all_problems_are_reported_at_once():
    _, lines = read({"mu_peak": 2, "mu_valley": -1, "token_weight": "x", "clip_range": "wide"})
    assert len(lines) == 4
