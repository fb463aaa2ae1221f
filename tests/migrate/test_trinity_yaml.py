"""What single keys of Trinity 0.2 to 0.5 become."""

import pytest

from tests.migrate.public import PUBLIC
from trinity_chord.migrate.document import Document
from trinity_chord.migrate.migrate import migrate_file

CHORD, MIX = "mix_chord of 0.5", "mix of 0.3"
LOSS = "algorithm.policy_loss_fn_args"
EXPERTS = "buffer.trainer_input.auxiliary_buffers.sft_dataset"


def changed(name, old, new):
    assert old in PUBLIC[name]
    return PUBLIC[name].replace(old, new)


def values(migration):
    return Document(migration.document.text(), "result")


def test_the_keys_of_mix_chord_stay(migrate):
    new = values(migrate(CHORD))
    assert new.given("algorithm.algorithm_type") == "trinity_chord.CHORDAlgorithm"
    args = new.given(LOSS)
    assert args == {
        "mu_warmup_steps": 200,
        "mu_decay_steps": 400,
        "mu_peak": 0.5,
        "mu_valley": 0.02,
        "enable_phi_function": True,
        "clip_range": 0.2,
        "sft_loss_agg_mode": "token-mean",
    }


def test_mix_has_a_constant_mu_and_no_token_weight(migrate):
    new = values(migrate(MIX))
    assert (new.given(f"{LOSS}.mu_peak"), new.given(f"{LOSS}.mu_valley")) == (0.1, 0.1)
    assert new.given(f"{LOSS}.enable_phi_function") is False


def test_the_kl_term_that_trinity_adds_unasked_is_written_down(migrate):
    assert values(migrate(MIX)).given("algorithm.kl_loss_fn_args.kl_coef") == 0.001
    assert values(migrate(CHORD)).given("algorithm.kl_loss_fn_args.kl_coef") == 0.0
    without = changed(MIX, "  repeat_times: 8", "  kl_loss_fn: none\n  repeat_times: 8")
    assert values(migrate(without)).given("algorithm.kl_loss_fn_args") is None


@pytest.mark.parametrize(
    ("flag", "mode"), [("true", "token-mean"), ("false", "seq-mean-token-mean")]
)
def test_the_flag_of_the_aggregation_is_a_mode(migrate, flag, mode):
    text = changed(MIX, "loss_in_sft: true", f"loss_in_sft: {flag}")
    assert values(migrate(text)).given(f"{LOSS}.sft_loss_agg_mode") == mode


def test_the_expert_set_is_moved_as_a_whole(migrate):
    assert values(migrate("mix_chord of 0.3")).given(EXPERTS) == {
        "name": "experts",
        "storage_type": "file",
        "path": "/PATH/TO/SFT_DATASET",
        "split": "train",
        "format": {"prompt_type": "messages", "messages_key": "messages"},
    }


def test_prompts_that_rollouts_cannot_fill_leave_the_train_batch_to_be_derived(migrate, checked):
    # 320 rows of which 65 are expert rows leave 255, which 8 rollouts per prompt do not divide.
    migration = migrate(changed(CHORD, "expert_data_ratio: 0.20", "expert_data_ratio: 0.203"))
    assert "train_batch_size" not in migration.document.text()
    report = checked(migration)
    assert report.derived["on_policy_rows"] == 32 * 8, report.problems


def test_twice_as_many_rollouts_halve_the_prompts(migrate, checked):
    migration = migrate(changed(CHORD, "repeat_times: 8", "repeat_times: 16"))
    assert values(migration).given("buffer.batch_size") == 16
    assert "512 rollouts per step, and the trainer took 256" in migration.wrong[-1]
    assert checked(migration).derived["train_batch_size"] == 320


def test_a_wrong_number_of_gpus_is_pointed_out(migrate):
    migration = migrate(changed(CHORD, "ngpus_trainer: 4", "ngpus_trainer: 8"))
    assert migration.wrong == [f"`{LOSS}.ngpus_trainer`: got 8, but it is 4"]


def test_settings_of_verl_become_trinitys_own(migrate):
    trainer = """
actor_rollout_ref:
  actor:
    ppo_max_token_len_per_gpu: 9000
    ppo_epochs: 2
    optim: {lr: 5e-6, warmup_style: cosine}
    fsdp_config: {param_offload: True, fsdp_size: -1}
    surprise: 1
"""
    migration = migrate("mix_chord of 0.3", trainer)
    new = values(migration)
    assert new.given("trainer.max_token_len_per_gpu") == 9000
    assert new.given("trainer.trainer_config.actor.ppo_epochs") == 2
    assert new.given("algorithm.optimizer") == {"lr": 5e-6, "lr_scheduler_type": "cosine"}
    assert new.given("trainer.param_offload") is True
    assert "fsdp_size" not in migration.document.text()
    (lost,) = migration.lost
    assert "`actor.surprise`: got 1" in lost


def test_a_file_of_trainer_settings_that_is_missing_is_listed(migrate):
    (lost,) = migrate("mix_chord of 0.3", trainer="").lost
    assert "trainer_config_path`: got 'examples/trainer.yaml'" in lost
    assert "--trainer-config" in lost


def test_a_file_of_trainer_settings_can_be_given(tmp_path):
    old, trainer = tmp_path / "old.yaml", tmp_path / "elsewhere.yaml"
    old.write_text(PUBLIC["mix_chord of 0.3"])
    trainer.write_text("actor: {ppo_max_token_len_per_gpu: 777}\n")
    migration = migrate_file(old, trainer)
    assert values(migration).given("trainer.max_token_len_per_gpu") == 777
    assert migration.lost == []


@pytest.mark.parametrize(
    ("old", "lost"),
    [
        (
            "    clip_range: 0.2",
            f"`{LOSS}.mu_peek`: got 1; no such argument; did you mean `mu_peak`?",
        ),
        ("  eval_interval: 10", "`explorer.mu_peek`: got 1; Trinity 0.6 has no such key"),
        ("    seed: 42", "`explorer.rollout_model.mu_peek`: got 1; Trinity 0.6 has no such key"),
    ],
)
def test_a_key_that_trinity_does_not_have_is_listed(migrate, checked, old, lost):
    indent = " " * (len(old) - len(old.lstrip()))
    migration = migrate(changed(CHORD, old, f"{old}\n{indent}mu_peek: 1"))
    assert migration.lost == [lost]
    assert checked(migration).ok


def test_sft_before_rl_is_listed(migrate):
    text = changed(
        MIX, "    sft_warmup_dataset:", "    sft_warmup_steps: 10\n    sft_warmup_dataset:"
    )
    (lost,) = migrate(text).lost
    assert "sft_warmup_steps`: got 10" in lost
    assert "sft_then_grpo" in lost


def test_shared_prompts_are_copied_to_each_taskset(migrate):
    prompt = "  explorer_input:\n    system_prompt: Think."
    new = values(migrate(changed(MIX, "  explorer_input:", prompt)))
    assert new.given("buffer.explorer_input.taskset.format.system_prompt") == "Think."


def test_a_replay_buffer_is_moved(migrate, checked):
    old = "      storage_type: queue\n"
    text = changed(
        CHORD,
        old,
        f"{old}      use_priority_queue: true\n      replay_buffer_kwargs: {{decay: 1.5}}\n",
    )
    migration = migrate(text)
    buffer = values(migration).given("buffer.trainer_input.experience_buffer.replay_buffer")
    assert buffer == {"enable": True, "priority_fn_args": {"decay": 1.5}}
    assert checked(migration).ok


def test_a_micro_batch_of_rows_is_kept(migrate, checked):
    trainer = "actor: {use_dynamic_bsz: false, ppo_micro_batch_size_per_gpu: 4}\n"
    text = changed("mix_chord of 0.3", "use_dynamic_bsz: true", "use_dynamic_bsz: false")
    migration = migrate(text, trainer)
    new = values(migration)
    assert new.given("trainer.use_dynamic_bsz") is False
    assert new.given("trainer.trainer_config.actor.ppo_micro_batch_size_per_gpu") == 4
    assert migration.wrong == []
    assert checked(migration).ok
