"""Command lines of ms-swift's CHORD become configurations that pass `check`."""

import pytest

from trinity_chord.migrate.document import Document
from trinity_chord.migrate.swift_command import parse_swift_command

LOSS = "algorithm.policy_loss_fn_args"
# Written by hand, with the arguments of ms-swift's own example for 8 GPUs, and a few of its users'.
SCRIPT = """\
# Expert rows of a step: 8 GPUs × 1 × 8 = 64
export PROMPT="You solve problems.
Think first # and then answer."

CUDA_VISIBLE_DEVICES=0,1,2,3,4,5,6,7 \\
NPROC_PER_NODE=8 \\
swift rlhf \\
    --rlhf_type grpo \\
    --model Qwen/Qwen2.5-7B-Instruct \\
    --dataset AI-MO/NuminaMath-TIR \\
    --beta 0.0 \\
    --num_train_epochs 2 \\
    --per_device_train_batch_size 4 \\
    --gradient_accumulation_steps 8 \\
    --chord_sft_per_device_train_batch_size 1 \\
    --chord_sft_dataset "./experts.jsonl#500" \\
    --chord_enable_phi_function false \\
    --chord_mu_warmup_steps 0 \\
    --chord_mu_decay_steps 200 \\
    --chord_mu_peak 0.9 \\
    --chord_mu_valley 0.05 \\
    --num_generations 8 \\
    --tuner_type full \\
    --reward_funcs accuracy format \\
    --system "$PROMPT" \\
    --use_vllm true \\
    --vllm_mode colocate \\
    --vllm_max_model_len 8192 \\
    --max_completion_length 4096 \\
    --overlong_filter true \\
    --learning_rate 1e-6 \\
    --output_dir $RUNS \\
    --report_to tensorboard swanlab
"""


@pytest.fixture
def values(migrate):
    def call(script):
        return Document(migrate(script).document.text(), "result")

    return call


def changed(old, new):
    assert old in SCRIPT
    return SCRIPT.replace(old, new)


def test_the_result_passes_its_check(migrate, checked, monkeypatch):
    monkeypatch.setenv("RUNS", "runs")
    report = checked(migrate(SCRIPT))
    assert report.problems == []
    assert report.derived["train_batch_size"] == 320
    assert report.derived["mu_schedule_args"]["peak"] == 0.9


def test_rows_are_those_of_all_gpus_and_accumulated_steps(values):
    new = values(SCRIPT)
    assert new.given("buffer.batch_size") == 8 * 4 * 8 // 8
    assert new.given("algorithm.sample_strategy_args.expert_rows") == 8 * 1 * 8


def test_gpus_that_took_turns_are_shared_out(values):
    new = values(SCRIPT)
    assert new.given("cluster") == {"node_num": 1, "gpu_per_node": 8}
    assert new.given("explorer.rollout_model.engine_num") == 4


def test_one_gpu_still_takes_turns(migrate, checked, monkeypatch):
    monkeypatch.setenv("RUNS", "runs")
    script = changed("NPROC_PER_NODE=8", "NPROC_PER_NODE=1")
    migration = migrate(script)
    new = Document(migration.document.text(), "result")
    assert (new.given("mode"), new.given("synchronizer.sync_method")) == ("colocate", "memory")
    assert checked(migration).ok


def test_defaults_of_swift_that_trinity_does_not_share_are_written(values):
    new = values(SCRIPT)
    assert new.given("algorithm.optimizer") == {
        "lr": 1e-6,
        "lr_scheduler_type": "cosine",
        "weight_decay": 0.1,
        "betas": [0.9, 0.95],
    }
    assert new.given(f"{LOSS}.grpo_loss_agg_mode") == "seq-mean-token-mean"
    assert new.given("buffer.explorer_input.taskset.rollout_args.temperature") == 0.9
    assert new.given("algorithm.kl_loss_fn_args") is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {"kl_coef": 0.04}),
        ("    --beta 0.1 \\\n", {"kl_coef": 0.1}),
    ],
)
def test_the_kl_term_is_that_of_beta(values, line, expected):
    assert (
        values(changed("    --beta 0.0 \\\n", line)).given("algorithm.kl_loss_fn_args") == expected
    )


def test_lora_is_the_default(values):
    new = values(changed("    --tuner_type full \\\n", ""))
    (lora,) = new.given("model.lora_configs")
    assert (lora["lora_rank"], lora["lora_alpha"]) == (8, 32)


def test_a_variable_of_the_script_is_replaced_and_another_is_read_from_the_environment(values):
    new = values(SCRIPT)
    prompt = new.given("buffer.explorer_input.taskset.format.system_prompt")
    assert prompt == "You solve problems.\nThink first # and then answer."
    assert "checkpoint_root_dir: ${oc.env:RUNS}" in new.original


def test_what_cannot_be_carried_over_is_listed(migrate):
    lost = migrate(SCRIPT).lost
    assert [text.partition(";")[0] for text in lost] == [
        "`--chord_sft_dataset`: got './experts.jsonl#500'",
        "`--reward_funcs`: got 'format'",
        "`--report_to`: got 'swanlab' too",
        "`--overlong_filter`: got 'true'",
    ]


def test_several_expert_sets_get_shares(values):
    new = values(changed('"./experts.jsonl#500"', "a/b#3000 c/d:sub#1000"))
    shares = new.given("algorithm.sample_strategy_args.expert_sets")
    assert shares == {"experts_1": 3000, "experts_2": 1000}
    second = new.given("buffer.trainer_input.auxiliary_buffers.experts_2")
    assert (second["path"], second["subset_name"]) == ("c/d", "sub")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (changed("--chord_mu_peak 0.9", ""), r"`--chord_mu_peak`: got None"),
        (changed("--rlhf_type grpo", "--rlhf_type dpo"), r"`--rlhf_type`: got 'dpo'"),
        (changed("--num_generations 8", "--num_generations 7"), r"got 7, expected a divisor of"),
        (SCRIPT + SCRIPT, r"got 2 calls of `swift rlhf`, expected one"),
        (SCRIPT + '"', r"not a shell script: No closing quotation"),
        (changed("--learning_rate 1e-6", "--learning_rate high"), r"`--learning_rate`: got 'high'"),
        (changed("--beta 0.0", "--beta off"), r"`--beta`: got 'off', expected a number"),
    ],
)
def test_a_script_that_is_not_chord_is_one_clear_error(migrate, script, message):
    with pytest.raises(ValueError, match=message):
        migrate(script)


def test_a_comment_may_end_a_line_and_a_hash_may_be_part_of_a_word():
    script = "swift rlhf --dataset a.json#10 b # note\n# swift rlhf --x 1\necho done"
    assert parse_swift_command(script, "test").arguments == {"dataset": ["a.json#10", "b"]}
