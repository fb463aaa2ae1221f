"""Names of registries, dotted paths, and the arguments in free-form mappings."""

import pytest

from trinity_chord.launch.keys.judge import domain_of, judge
from trinity_chord.launch.keys.types import branches, section_type
from trinity_chord.launch.keys.verl import section_types
from trinity_chord.launch.keys.walk import keys_of

TASKS = "buffer.explorer_input"


def problems(*pairs):
    """The problems of a configuration with values at dotted keys."""
    config = {}
    for key, value in pairs:
        *parents, last = key.split(".")
        at = config
        for part in parents:
            at = at.setdefault(part, {})
        at[last] = value
    return list(judge(config).problems.values())


@pytest.mark.parametrize(
    ("key", "wrong", "near"),
    [
        ("algorithm.algorithm_type", "mix_chrd", "mix_chord"),
        ("algorithm.advantage_fn", "grpoo", "grpo"),
        ("algorithm.policy_loss_fn", "pppo", "ppo"),
        ("algorithm.kl_loss_fn", "k22", "k2"),
        ("algorithm.entropy_loss_fn", "defaultt", "default"),
        ("algorithm.sample_strategy", "mixx", "mix"),
        (f"{TASKS}.default_workflow_type", "math_workflo", "math_workflow"),
        (f"{TASKS}.default_eval_workflow_type", "math_workflo", "math_workflow"),
        (f"{TASKS}.default_reward_fn_type", "math_rewrd", "math_reward"),
        (f"{TASKS}.taskset.data_selector.selector_type", "shuffel", "shuffle"),
        ("monitor.monitor_type", "tensorbord", "tensorboard"),
        (
            "buffer.trainer_input.experience_buffer.replay_buffer.priority_fn",
            "linear_decy",
            "linear_decay",
        ),
    ],
)
def test_a_name_that_is_not_registered_is_reported_with_the_nearest(key, wrong, near):
    (problem,) = problems((key, wrong))
    assert problem.startswith(f"`{key}`: got {wrong!r}, expected one of ")
    assert f"did you mean `{near}`?" in problem


@pytest.mark.parametrize(
    ("key", "path", "base"),
    [
        (f"{TASKS}.default_workflow_type", "os.getcwd", "Workflow"),
        (f"{TASKS}.default_reward_fn_type", "os.path.join", "RewardFn"),
        ("algorithm.advantage_fn", "collections.OrderedDict", "AdvantageFn"),
        ("algorithm.algorithm_type", "trinity_chord.MathReward", "AlgorithmType"),
    ],
)
def test_a_dotted_path_of_another_kind_is_refused(key, path, base):
    (problem,) = problems((key, path))
    assert problem.startswith(f"`{key}`: ")
    assert problem.endswith(f"expected a subclass of {base}")


def test_names_of_a_plugin_folder_pass_if_there_is_one(monkeypatch):
    monkeypatch.setenv("TRINITY_PLUGIN_DIRS", "somewhere")
    assert problems((f"{TASKS}.default_workflow_type", "my_workflow")) == []


@pytest.mark.parametrize(
    ("named", "arguments", "wrong", "near"),
    [
        (("algorithm.advantage_fn", "grpo"), "algorithm.advantage_fn_args", "epsilonn", "epsilon"),
        (("algorithm.kl_loss_fn", "k2"), "algorithm.kl_loss_fn_args", "kl_cof", "kl_coef"),
        (("algorithm.kl_penalty_fn", "k3"), "algorithm.kl_penalty_fn_args", "adaptve", "adaptive"),
        (
            (f"{TASKS}.default_workflow_type", "math_boxed_workflow"),
            f"{TASKS}.taskset.workflow_args",
            "with_thnk",
            "with_think",
        ),
        (
            (f"{TASKS}.default_workflow_type", "trinity_chord.MathWorkflow"),
            f"{TASKS}.taskset.workflow_args",
            "mask_truncatd",
            "mask_truncated",
        ),
        (
            (f"{TASKS}.default_reward_fn_type", "trinity_chord.MathReward"),
            f"{TASKS}.taskset.reward_fn_args",
            "correctly",
            "correct",
        ),
        (("monitor.monitor_type", "wandb"), "monitor.monitor_args", "base_ur", "base_url"),
        (("monitor.monitor_type", "mlflow"), "monitor.monitor_args", "usrname", "username"),
        (
            (f"{TASKS}.taskset.data_selector.selector_type", "difficulty_based"),
            f"{TASKS}.taskset.data_selector.kwargs",
            "target_rewrd",
            "target_reward",
        ),
    ],
)
def test_a_typo_in_a_free_form_mapping_is_reported_with_the_nearest_key(
    named, arguments, wrong, near
):
    (problem,) = problems(named, (arguments, {wrong: 1}))
    assert problem.startswith(f"`{arguments}.{wrong}`: got 1, expected a key that exists")
    assert problem.endswith(f"did you mean `{near}`?")


def test_the_part_that_an_algorithm_takes_by_itself_has_its_arguments_checked():
    chord = ("algorithm.algorithm_type", "trinity_chord.CHORDAlgorithm")
    (problem,) = problems(chord, ("algorithm.advantage_fn_args", {"epsilonn": 1}))
    assert "did you mean `epsilon`?" in problem


@pytest.mark.parametrize(
    "value",
    [{"epsilon": -1}, {"epsilon": "x"}, {"std_cal_level": "row"}, {"epsilon": float("nan")}],
)
def test_an_argument_outside_of_its_range_is_refused(value):
    (problem,) = problems(
        ("algorithm.advantage_fn", "grpo"), ("algorithm.advantage_fn_args", value)
    )
    assert problem.startswith(f"`algorithm.advantage_fn_args.{next(iter(value))}`: got ")


def test_an_unknown_operator_of_the_pipeline_is_refused():
    operators = [{"name": "reward_filtr", "args": {}}]
    (problem,) = problems(("data_processor.experience_pipeline.operators", operators))
    assert "did you mean `reward_filter`?" in problem


def test_arguments_that_a_class_does_not_read_are_a_warning():
    findings = judge({"monitor": {"monitor_type": "tensorboard", "monitor_args": {"zzz": 1}}})
    assert findings.problems == {}
    assert findings.warnings == [
        "`monitor.monitor_args.zzz`: got 1; TensorboardMonitor does not read this key"
    ]


def trainer(config, strategy="fsdp2"):
    return judge({"trainer": {"trainer_strategy": strategy, "trainer_config": config}})


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ("x", ""),
        (5, ""),
        ({"actr": {}}, ".actr"),
        ({"actor": {"ppo_epochz": 2}}, ".actor.ppo_epochz"),
        ({"actor": {"ppo_epochs": 0}}, ".actor.ppo_epochs"),
        ({"actor": {"optim": {"lr": -1}}}, ".actor.optim.lr"),
        ({"actor": {"optim": {"lr_scheduler_type": "linear"}}}, ".actor.optim.lr_scheduler_type"),
        ({"critic": {"optim": {"betas": [0.9, 1.0]}}}, ".critic.optim.betas"),
        ({"actor": {"fsdp_config": {"fsdp_sise": 1}}}, ".actor.fsdp_config.fsdp_sise"),
        (
            {"model": {"enable_gradient_checkpointing": "maybe"}},
            ".model.enable_gradient_checkpointing",
        ),
        ({"actor_rollout_ref": {"actor": {"shuffel": True}}}, ".actor_rollout_ref.actor.shuffel"),
    ],
)
def test_a_wrong_setting_of_verl_is_one_problem_with_its_key(config, key):
    (problem,) = trainer(config).problems.values()
    assert problem.startswith(f"`trainer.trainer_config{key}`: got ")


def test_settings_of_verl_that_trinity_overwrites_or_ignores_are_warnings():
    findings = trainer({"actor": {"grad_clip": 1.0}, "data": {"train_batch_size": 4}})
    assert findings.problems == {}
    assert ["has no effect" in warning for warning in findings.warnings] == [True, True]


def test_the_optimizers_own_keys_pass():
    optim = {"optimizer": "AdamW", "min_lr_ratio": 0.1, "lr_scheduler_type": "cosine"}
    assert trainer({"actor": {"optim": optim}}).problems == {}
    assert trainer({"actor": {"optim": {"lr_decay_style": "cosine"}}}, "megatron").problems == {}


def numbers(kind, seen):
    """Every key of a dataclass of verl, and of those in it, that holds a number."""
    if kind in seen:
        return
    seen.add(kind)
    for name, hint in keys_of(kind).items():
        if section_type(hint) is not None:
            yield from numbers(section_type(hint), seen)
        elif {int, float} & set(branches(hint)) and str not in branches(hint):
            yield kind, name


@pytest.mark.parametrize("strategy", ["fsdp2", "megatron"])
def test_every_number_of_verl_has_a_range(strategy):
    seen = set()
    found = [key for kind in section_types(strategy).values() for key in numbers(kind, seen)]
    assert len(found) > 80
    assert {name for kind, name in found if domain_of(kind, name) is None} == set()
