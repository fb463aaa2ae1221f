"""Values that fit alone but not together."""

import json

import pytest
from trinity.common.config import Config, TasksetConfig

from trinity_chord.launch.keys.findings import Findings, dotted
from trinity_chord.launch.keys.judge import judge
from trinity_chord.launch.keys.relations import check_completed


@pytest.fixture
def config():
    """A configuration whose keys fit together."""
    made = Config()
    made.cluster.node_num, made.cluster.gpu_per_node = 1, 2
    made.model.max_model_len = 96
    made.buffer.train_batch_size = 12
    made.buffer.explorer_input.taskset = TasksetConfig(path="data")
    made.buffer.explorer_input.default_workflow_type = "math_workflow"
    return made


def wrong(config):
    return [dotted(path) for path in judge(config).problems]


def completed(config):
    findings = Findings()
    check_completed(config, findings)
    return findings


def test_keys_that_fit_together_pass(config):
    assert wrong(config) == completed(config).warnings == []
    assert completed(config).problems == {}


@pytest.mark.parametrize(("key", "rest"), [("response", "prompt"), ("prompt", "response")])
@pytest.mark.parametrize("length", [96, 97])
def test_a_part_as_long_as_the_whole_is_refused(config, key, rest, length):
    setattr(config.model, f"max_{key}_tokens", length)
    (problem,) = judge(config).problems.values()
    assert problem == (
        f"`model.max_{key}_tokens`: got {length}, expected less than `max_model_len` (96), which "
        f"counts prompt and response; nothing would be left of the {rest}"
    )


def test_a_part_shorter_than_the_whole_passes(config):
    config.model.max_response_tokens = 95
    assert wrong(config) == []


@pytest.mark.parametrize(("engine", "refused"), [("vllm", True), ("transformers", False)])
def test_a_context_beyond_the_models_positions(config, tmp_path, engine, refused):
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 95}))
    config.model.model_path = str(tmp_path)
    config.explorer.rollout_model.engine_type = engine
    findings = judge(config)
    assert (list(map(dotted, findings.problems)) == ["model.max_model_len"]) == refused
    assert bool(findings.warnings) != refused


def test_a_schedule_that_fsdp_does_not_have_is_refused(config):
    config.algorithm.optimizer.lr_scheduler_type = "linear"
    assert wrong(config) == ["algorithm.optimizer.lr_scheduler_type"]
    config.trainer.trainer_strategy = "megatron"
    assert wrong(config) == []


def test_a_gradient_clip_that_nothing_reads_is_a_warning(config):
    config.trainer.grad_clip = 0.5
    (warning,) = judge(config).warnings
    assert warning == (
        "`trainer.grad_clip`: got 0.5; it has no effect: verl 0.8 clips at "
        "`algorithm.optimizer.clip_grad`, which is 1.0"
    )


@pytest.mark.parametrize("clip", [-1.0, 0.0, float("nan"), float("inf")])
def test_a_useless_gradient_clip_is_refused(config, clip):
    config.algorithm.optimizer.clip_grad = clip
    assert wrong(config) == ["algorithm.optimizer.clip_grad"]


def test_a_temperature_of_0_is_refused_in_training_only(config):
    config.model.temperature = 0.0
    assert wrong(config) == ["model.temperature"]
    config.mode = "bench"
    assert wrong(config) == []


def test_tasks_need_a_workflow(config):
    config.buffer.explorer_input.default_workflow_type = None
    assert wrong(config) == ["buffer.explorer_input.taskset.default_workflow_type"]


def test_rollouts_that_trinity_would_overwrite_are_refused(config):
    config.buffer.explorer_input.taskset.rollout_args.n = 3
    assert wrong(config) == ["buffer.explorer_input.taskset.rollout_args.n"]
    config.algorithm.repeat_times = 3
    assert wrong(config) == []


@pytest.mark.parametrize(
    ("budget", "parts", "fits"), [(96, 1, True), (95, 1, False), (48, 2, True)]
)
def test_the_longest_row_fits_into_a_micro_batch(config, budget, parts, fits):
    config.trainer.max_token_len_per_gpu = budget
    config.trainer.ulysses_sequence_parallel_size = parts
    config.cluster.gpu_per_node = 1 + parts
    assert (completed(config).problems == {}) == fits


def test_fixed_micro_batches_divide_the_rows_of_a_rank(config):
    config.trainer.use_dynamic_bsz = False
    assert len(completed(config).problems) == 2  # both sizes are missing
    sizes = {
        "actor": {"ppo_micro_batch_size_per_gpu": 5},
        "rollout": {"log_prob_micro_batch_size_per_gpu": 6},
    }
    config.trainer.trainer_config = sizes
    (problem,) = completed(config).problems.values()
    assert problem.endswith("got 5, expected a divisor of 12, the rows of a batch on each rank")


def test_fused_kernels_need_rows_without_padding(config):
    config.trainer.trainer_config = {"model": {"use_fused_kernels": True}}
    assert completed(config).problems == {}
    config.trainer.use_remove_padding = False
    assert len(completed(config).problems) == 1


@pytest.mark.parametrize("value", [1e5, 0.2])
def test_a_value_that_only_costs_money_is_a_warning(config, value):
    config.algorithm.optimizer.lr = value
    findings = judge(config)
    assert findings.problems == {}
    assert "is unusual" in findings.warnings[0]
