"""Independent mistakes are each reported once, and their consequences are not."""

import pytest

from tests.recipes.data import ROOT, make_data, variables
from trinity_chord.launch.check import check
from trinity_chord.launch.load import load

# A mistake, and a text that its problem must contain.
MISTAKES = {
    "monitor.monitor_type=foo": "`monitor.monitor_type`: got 'foo'",
    "algorithm.policy_loss_fn_args.mu_peak=1.5": "mu_peak`: got 1.5",
    "algorithm.policy_loss_fn_args.token_weight=phy": "did you mean 'phi'",
    "algorithm.advantage_fn=grpoo": "`algorithm.advantage_fn`: got 'grpoo'",
    "algorithm.sample_strategy_args.expert_at_end=never": "expert_at_end",
    "model.max_prompt_tokens=9999": "(9999 + 16384) exceeds `max_model_len`",
    "synchronizer.sync_interval=0": "sync_interval",
    "explorer.concurrent_mode=x": "concurrent_mode`: got 'x'",
    "explorer.rollout_model.pipeline_parallel_size=-1": "pipeline_parallel_size",
    "explorer.over_rollout.ratio=1.5": "over_rollout.ratio`: got 1.5",
    "buffer.explorer_input.taskset.path=null": "`buffer.explorer_input.taskset.path`",
    "trainer.save_hf_checkpoint=sometimes": "sometimes",
    "buffer.trainer_input.auxiliary_buffers.sft_dataset.path=/nowhere": "/nowhere",
    "buffer.explorer_input.taskset.format.prompt_key=question": "prompt_key",
    "mode=bot": "`mode`: got 'bot'",
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
def test_one_mistake_is_one_problem(problems, mistake):
    (problem,) = problems(mistake)
    assert MISTAKES[mistake] in problem


def test_many_mistakes_are_each_reported_once(problems):
    # Expert rows are read only if their settings are valid, columns only if there is a file.
    later = ("expert_at_end", "prompt_key")
    many = [mistake for mistake in MISTAKES if not any(key in mistake for key in later)]
    found = problems(*many)
    assert len(found) == len(many)
    for mistake in many:
        assert sum(MISTAKES[mistake] in problem for problem in found) == 1


def test_two_mistakes_for_one_validator_are_both_reported(problems):
    found = problems("explorer.concurrent_mode=x", "explorer.over_rollout.ratio=1.5")
    assert len(found) == 2


def test_two_values_that_are_wrong_together_are_one_problem(problems):
    (problem,) = problems("explorer.rollout_model.engine_num=2", "cluster.gpu_per_node=2")
    assert "Explorer requires 2 GPUs" in problem
    assert "explorer.rollout_model.engine_num" in problem


def test_the_key_that_causes_an_error_is_named_with_its_value(problems):
    (problem,) = problems("algorithm.algorithm_type=trinity_chord.CHORDPhi")
    named = "`algorithm.algorithm_type`: algorithm 'trinity_chord.CHORDPhi' cannot be imported"
    assert problem.startswith(named)


def test_a_value_that_the_plugin_requires_is_not_reported_by_trinity_too(problems):
    (problem,) = problems("model.max_model_len=null", "trainer.max_token_len_per_gpu=null")
    assert problem.startswith("`model.max_model_len`: got None")


def test_a_mistake_in_one_stage_names_the_stage(problems):
    (problem,) = problems("algorithm.policy_loss_fn_args={mu_peak: 3}", name="math/sft_then_grpo")
    assert problem.startswith("stage grpo: ")
    assert "mu_peak`: got 3" in problem


def test_a_mistake_in_all_stages_is_reported_once(problems):
    (problem,) = problems("monitor.monitor_type=foo", name="math/sft_then_grpo")
    assert problem.startswith("stage sft, grpo: `monitor.monitor_type`")


def test_a_valid_configuration_has_no_problems_and_is_not_changed(problems, folder):
    config = load(ROOT / "configs/math/chord_phi.yaml")
    before = repr(config)
    check(config)
    assert repr(config) == before
    assert problems() == []


def test_tasks_that_cannot_be_opened_are_reported_with_their_path(problems):
    (problem,) = problems("buffer.explorer_input.taskset.path=/nowhere/rl")
    assert problem.startswith("`buffer.explorer_input.taskset.path`: got '/nowhere/rl', expected")


def test_a_missing_task_column_is_reported_with_the_existing_ones(problems):
    (problem,) = problems("buffer.explorer_input.taskset.format.response_key=truth")
    assert "format.response_key`: got 'truth'" in problem
    assert "problem, answer" in problem


@pytest.mark.parametrize(
    ("kind", "what"), [("workflow", "workflow"), ("reward_fn", "reward function")]
)
def test_a_dotted_path_that_cannot_be_imported_is_reported(problems, kind, what):
    key = f"buffer.explorer_input.default_{kind}_type"
    (problem,) = problems(f"{key}=trinity_chord.NoSuchThing")
    assert problem.startswith(f"`{key}`: {what} 'trinity_chord.NoSuchThing' cannot be imported")


def test_one_dotted_path_that_is_wrong_in_two_keys_is_reported_for_both(problems):
    keys = [f"buffer.explorer_input.default_{kind}_type" for kind in ("workflow", "reward_fn")]
    found = problems(*(f"{key}=trinity_chord.NoSuchThing" for key in keys))
    assert [problem.split(":")[0] for problem in found] == [f"`{key}`" for key in keys]


def test_a_dotted_path_of_a_taskset_is_reported_with_its_own_key(problems):
    key = "buffer.explorer_input.taskset.default_workflow_type"
    (problem,) = problems(f"{key}=trinity_chord.NoSuchThing")
    assert problem.startswith(f"`{key}`: ")


def test_tasks_that_pairing_and_the_explorer_cannot_open_are_one_problem(problems):
    (problem,) = problems(
        "algorithm.sample_strategy_args.expert_pairing=task_index",
        "buffer.explorer_input.taskset.path=/nowhere/rl",
    )
    assert "taskset.path`: got '/nowhere/rl'" in problem
