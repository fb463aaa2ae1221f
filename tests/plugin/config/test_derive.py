"""What Trinity's own validators see of a derived configuration."""

from dataclasses import asdict

import pytest

from tests.plugin.conftest import AUXILIARY, EXPERT_ROWS
from trinity_chord.plugin import names

STRATEGY = "algorithm.sample_strategy_args"
LOSS = "algorithm.policy_loss_fn_args"


def test_the_batch_follows_from_prompts_rollouts_and_share(checked):
    config = checked()  # 2 prompts × 4 rollouts, half of all rows are expert rows
    assert config.buffer.train_batch_size == 16
    args = config.algorithm.sample_strategy_args
    assert (args["on_policy_rows"], args["expert_rows"], args["discarded_rows"]) == (8, 8, 0)
    assert config.buffer.trainer_input.experience_buffer.batch_size == 16


def test_the_derived_parts_are_this_packages(checked):
    algorithm = checked().algorithm
    assert algorithm.policy_loss_fn == names.POLICY_LOSS
    assert algorithm.sample_strategy == names.SAMPLE_STRATEGY
    assert algorithm.advantage_fn == "grpo"
    assert (algorithm.kl_loss_fn, algorithm.kl_penalty_fn) == ("none", "none")
    assert algorithm.entropy_loss_fn == "none"


@pytest.mark.parametrize(
    ("preset", "weight", "schedule"),
    [
        ("CHORDAlgorithm", "phi", (0, 0, 0.1, 0.1)),
        ("CHORDPhiAlgorithm", "phi", (0, 0, 0.1, 0.1)),
        ("CHORDMuAlgorithm", "sft", (0, 200, 0.9, 0.05)),
    ],
)
def test_a_preset_is_named_by_its_dotted_path(checked, preset, weight, schedule):
    algorithm = checked({"algorithm.algorithm_type": f"trinity_chord.{preset}"}).algorithm
    assert algorithm.policy_loss_fn_args["token_weight"] == weight
    assert tuple(algorithm.sample_strategy_args["mu_schedule_args"].values()) == schedule


def test_yaml_overrides_the_preset(checked):
    algorithm = checked(
        {
            "algorithm.algorithm_type": "trinity_chord.CHORDMuAlgorithm",
            f"{LOSS}.mu_peak": 0.5,
            f"{LOSS}.clip_range": 0.1,
            f"{LOSS}.sft_loss_agg_mode": "seq-mean-token-mean",
        }
    ).algorithm
    assert algorithm.sample_strategy_args["mu_schedule_args"]["peak"] == 0.5
    assert algorithm.sample_strategy_args["mu_schedule_args"]["decay_steps"] == 200
    assert algorithm.sample_strategy_args["on_policy_mode"] == "token-mean"
    assert algorithm.sample_strategy_args["expert_mode"] == "seq-mean-token-mean"
    assert algorithm.policy_loss_fn_args["clip_range_high"] == 0.1


def test_checking_twice_changes_nothing(checked):
    config = checked()
    once = asdict(config)
    assert asdict(config.check_and_update()) == once


def test_checking_a_configuration_with_kl_twice_changes_nothing(checked):
    config = checked({"algorithm.kl_loss_fn_args": {"kl_coef": 0.01}})
    once = asdict(config)
    assert asdict(config.check_and_update()) == once


def test_the_loss_and_the_strategy_take_what_was_derived(checked):
    from trinity.algorithm import POLICY_LOSS_FN

    algorithm = checked().algorithm
    loss = POLICY_LOSS_FN.get(algorithm.policy_loss_fn)(
        backend="verl", **algorithm.policy_loss_fn_args
    )
    assert loss.token_weight.name == "phi"


def test_an_expert_buffer_gets_the_models_template_and_thinking_switch(checked):
    template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    config = checked({"model.custom_chat_template": template, "model.enable_thinking": True})
    buffer = config.buffer.trainer_input.auxiliary_buffers["sft_dataset"]
    assert buffer.schema_type == "sft"
    assert buffer.format.chat_template == template
    assert buffer.format.enable_thinking is True


def test_a_chat_template_file_is_read(checked, tmp_path):
    template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    (tmp_path / "template.jinja").write_text(template)
    config = checked({"model.chat_template_path": str(tmp_path / "template.jinja")})
    buffer = config.buffer.trainer_input.auxiliary_buffers["sft_dataset"]
    assert buffer.format.chat_template == template


def test_an_expert_buffers_own_template_and_switch_are_kept(checked):
    own = "{% for m in messages %}{{ m['content'] }}!{% endfor %}"
    config = checked(
        {
            "model.custom_chat_template": "{{ messages[0]['content'] }}",
            "model.enable_thinking": True,
            f"{AUXILIARY}.sft_dataset.format.chat_template": own,
            f"{AUXILIARY}.sft_dataset.format.enable_thinking": False,
        }
    )
    form = config.buffer.trainer_input.auxiliary_buffers["sft_dataset"].format
    assert (form.chat_template, form.enable_thinking) == (own, False)


def test_the_length_of_expert_rows_is_that_of_the_model(checked):
    experts = checked().algorithm.sample_strategy_args["experts"]
    assert experts["max_model_len"] == 64  # 32 of a prompt + 32 of a response
    given = checked({"model.max_model_len": 100}).algorithm.sample_strategy_args["experts"]
    assert given["max_model_len"] == 100


def test_several_sets_are_opened_with_their_shares(checked, expert_path):
    config = checked(
        {
            f"{STRATEGY}.expert_sets": {"first": 3, "second": 1},
            f"{AUXILIARY}.first": {"path": expert_path, "storage_type": "file"},
            f"{AUXILIARY}.first.format": {"prompt_type": "messages", "messages_key": "messages"},
            f"{AUXILIARY}.second": {"path": expert_path, "storage_type": "file"},
            f"{AUXILIARY}.second.format": {"prompt_type": "messages", "messages_key": "messages"},
        }
    )
    assert config.algorithm.sample_strategy_args["experts"]["sets"] == {"first": 3, "second": 1}


def test_expert_rows_are_tokenized_once_and_reused_by_the_next_check(checked, root):
    checked()
    (cached,) = root.glob("expert_tokens/*.arrow")
    written = cached.stat().st_mtime_ns
    checked()
    assert cached.stat().st_mtime_ns == written


@pytest.mark.parametrize("key", ["expert_data_ratio", "expert_rows"])
def test_0_is_pure_rl_and_says_so(checked, reported, key):
    args = {"expert_data_ratio": 0} if key == "expert_data_ratio" else {"expert_rows": 0}
    config = checked({STRATEGY: args, AUXILIARY: {}})
    derived = config.algorithm.sample_strategy_args
    assert (config.buffer.train_batch_size, derived["on_policy_rows"]) == (8, 8)
    assert derived["experts"] is None
    assert (derived["mu_schedule"], derived["mu_schedule_args"]) == ("constant", {"value": 0.0})
    assert any("pure RL (μ = 0)" in message for message in reported)


def test_1_is_pure_imitation_and_says_so(checked, reported):
    config = checked({STRATEGY: {"expert_data_ratio": 1}})
    derived = config.algorithm.sample_strategy_args
    assert (derived["on_policy_rows"], derived["expert_rows"]) == (0, EXPERT_ROWS)
    assert derived["discarded_rows"] == 8  # the explorer's rollouts, read for their metrics
    assert (derived["mu_schedule"], derived["mu_schedule_args"]) == ("constant", {"value": 1.0})
    assert any("pure imitation (μ = 1)" in message for message in reported)


def test_the_batch_is_the_one_that_the_trainer_ranks_divide(checked):
    # 8 rollouts at 0.45: 15 rows, 7 of them expert, which 3 ranks can split.
    config = checked({STRATEGY: {"expert_data_ratio": 0.45}, "cluster.gpu_per_node": 4})
    assert config.buffer.train_batch_size == 15


def test_sequence_parallel_ranks_share_rows(load):
    from trinity_chord.plugin.backends.cluster import data_parallel_ranks

    config = load({"cluster.gpu_per_node": 5, "trainer.ulysses_sequence_parallel_size": 2})
    assert data_parallel_ranks(config) == 2  # 5 GPUs - 1 for rollouts = 4 = 2 × 2


def test_unequal_sync_intervals_give_the_rows_per_training_step(checked):
    config = checked(
        {"synchronizer.explorer_sync_interval": 1, "synchronizer.trainer_sync_interval": 2}
    )
    assert config.algorithm.sample_strategy_args["on_policy_rows"] == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"buffer.trainer_input.experience_buffer.replay_buffer": {"enable": True}},
        {
            "explorer.over_rollout": {"ratio": 0.5},
            "synchronizer.sync_style": "explorer_driven",
        },
        {"data_processor.experience_pipeline.operators": [{"name": "reward_filter"}]},
    ],
    ids=["replay buffer", "over-rollout", "operators"],
)
def test_the_given_batch_is_used_if_rows_are_added_or_dropped_on_the_way(checked, changes):
    config = checked({**changes, "buffer.train_batch_size": 12})
    args = config.algorithm.sample_strategy_args
    assert (args["on_policy_rows"], args["expert_rows"]) == (6, 6)


GAC = {f"{LOSS}.mu_schedule": "gac"}


def test_the_loss_counts_sequences_for_a_rule_with_feedback(checked):
    algorithm = checked(GAC).algorithm
    assert algorithm.sample_strategy_args["mu_schedule"] == "gac"
    assert algorithm.policy_loss_fn_args["count_sequences"] is True


def test_the_loss_counts_no_sequences_for_the_other_rules(checked):
    algorithm = checked({f"{LOSS}.mu_schedule": "entropy_target"}).algorithm
    assert "count_sequences" not in algorithm.policy_loss_fn_args


@pytest.mark.parametrize("ratio", [0, 1])
def test_pure_rl_and_pure_imitation_are_constant_whatever_the_rule(checked, ratio):
    algorithm = checked({**GAC, f"{STRATEGY}.expert_data_ratio": ratio}).algorithm
    args = algorithm.sample_strategy_args
    assert (args["mu_schedule"], args["mu_schedule_args"]) == ("constant", {"value": float(ratio)})
    assert "count_sequences" not in algorithm.policy_loss_fn_args


def test_feedback_needs_verls_metrics(load):
    with pytest.raises(ValueError, match=r"`trainer.trainer_type`: got 'tinker', expected 'verl'"):
        load({**GAC, "trainer.trainer_type": "tinker"}).check_and_update()
