"""Several independent mistakes are told each once, and nothing that only follows from them."""

import pytest

from tests.recipes.data import ROOT, make_data, variables
from trinity_chord.launch.check import check
from trinity_chord.launch.load import load

# A mistake, and what the problem that it makes must hold.
MISTAKES = {
    "monitor.monitor_type=foo": "`monitor.monitor_type`: got 'foo'",
    "algorithm.policy_loss_fn_args.mu_peak=1.5": "mu_peak`: got 1.5",
    "algorithm.policy_loss_fn_args.token_weight=phy": "did you mean 'phi'",
    "algorithm.advantage_fn=grpoo": "`algorithm.advantage_fn`: got 'grpoo'",
    "algorithm.sample_strategy_args.expert_at_end=never": "expert_at_end",
    "model.max_prompt_tokens=9999": "(9999 + 16384) exceeds `max_model_len`",
    "synchronizer.sync_interval=0": "sync_interval",
    "explorer.concurrent_mode=x": "concurrent_mode: x",
    "explorer.rollout_model.pipeline_parallel_size=-1": "pipeline_parallel_size",
    "explorer.over_rollout.ratio=1.5": "over_rollout_ratio",
    "buffer.explorer_input.taskset.path=null": "`buffer.explorer_input.taskset.path`",
    "trainer.save_hf_checkpoint=sometimes": "sometimes",
    "buffer.trainer_input.auxiliary_buffers.sft_dataset.path=/nowhere": "/nowhere",
    "buffer.explorer_input.taskset.format.prompt_key=question": "prompt_key",
    "mode=bot": "Invalid mode: bot",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("diagnose"))


@pytest.fixture
def problems(folder, monkeypatch):
    def of(*overrides, name="math/chord_phi"):
        for key, value in variables(folder, "math").items():
            monkeypatch.setenv(key, value)
        return check(load(ROOT / "configs" / f"{name}.yaml", overrides)).problems

    return of


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_makes_one_problem(problems, mistake):
    (problem,) = problems(mistake)
    assert MISTAKES[mistake] in problem


def test_many_mistakes_are_told_at_once_and_each_once(problems):
    # Expert rows are looked for where their settings are right, columns where there is a file.
    later = ("expert_at_end", "prompt_key")
    many = [mistake for mistake in MISTAKES if not any(key in mistake for key in later)]
    told = problems(*many)
    assert len(told) == len(many)
    for mistake in many:
        assert sum(MISTAKES[mistake] in problem for problem in told) == 1


def test_two_mistakes_of_one_validator_are_both_told(problems):
    told = problems("explorer.concurrent_mode=x", "explorer.over_rollout.ratio=1.5")
    assert len(told) == 2


def test_what_two_values_have_wrong_together_is_one_problem(problems):
    (problem,) = problems("explorer.rollout_model.engine_num=2", "cluster.gpu_per_node=2")
    assert "Explorer requires 2 GPUs" in problem
    assert "explorer.rollout_model.engine_num" in problem


def test_the_key_that_causes_an_error_is_named_with_its_value(problems):
    (problem,) = problems("algorithm.algorithm_type=trinity_chord.CHORDPhi")
    assert problem.startswith("`algorithm.algorithm_type`: got 'trinity_chord.CHORDPhi'")


def test_what_the_plugin_wants_is_not_asked_for_again_by_trinity(problems):
    (problem,) = problems("model.max_model_len=null", "trainer.max_token_len_per_gpu=null")
    assert problem.startswith("`model.max_model_len`: got None")


def test_a_mistake_of_one_stage_is_told_with_the_stage(problems):
    (problem,) = problems("algorithm.policy_loss_fn_args={mu_peak: 3}", name="math/sft_then_grpo")
    assert problem.startswith("stage grpo: ")
    assert "mu_peak`: got 3" in problem


def test_a_mistake_of_all_stages_is_told_once(problems):
    (problem,) = problems("monitor.monitor_type=foo", name="math/sft_then_grpo")
    assert problem.startswith("stage sft, grpo: `monitor.monitor_type`")


def test_a_configuration_that_is_right_has_no_problem_and_is_not_changed(problems, folder):
    config = load(ROOT / "configs/math/chord_phi.yaml")
    before = repr(config)
    check(config)
    assert repr(config) == before
    assert problems() == []


def test_tasks_that_cannot_be_opened_are_told_with_the_path(problems):
    (problem,) = problems("buffer.explorer_input.taskset.path=/nowhere/rl")
    assert problem.startswith("`buffer.explorer_input.taskset.path`: got '/nowhere/rl', expected")


def test_a_missing_column_of_the_tasks_is_told_with_those_there_are(problems):
    (problem,) = problems("buffer.explorer_input.taskset.format.response_key=truth")
    assert "format.response_key`: got 'truth'" in problem
    assert "problem, answer" in problem


@pytest.mark.parametrize(
    ("kind", "what"), [("workflow", "workflow"), ("reward_fn", "reward function")]
)
def test_a_dotted_path_of_a_task_that_leads_nowhere_is_told(problems, kind, what):
    key = f"buffer.explorer_input.default_{kind}_type"
    (problem,) = problems(f"{key}=trinity_chord.NoSuchThing")
    assert problem.startswith(f"`{key}`: {what} 'trinity_chord.NoSuchThing' cannot be imported")
