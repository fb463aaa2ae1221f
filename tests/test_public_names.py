"""The names that people type or read: a change here is a change of what the package promises."""

import inspect

import typer

import trinity_chord
from trinity_chord import errors
from trinity_chord.cli import app
from trinity_chord.plugin import names
from trinity_chord.plugin.config.objective_args import ObjectiveArgs
from trinity_chord.plugin.config.sample_args import SampleArgs


def test_the_names_of_the_package():
    assert trinity_chord.__all__ == [
        "__version__",
        "CHORDAlgorithm",
        "CHORDMuAlgorithm",
        "CHORDPhiAlgorithm",
        "CHORDWithReferenceAlgorithm",
        "WeightedSFTAlgorithm",
        "IWSFTAlgorithm",
        "DFTAlgorithm",
        "CHORDPolicyLossFn",
        "ExpertMixSampleStrategy",
        "ExpertMixEntropyLossFn",
        "ToolCallReward",
        "ToolCallWorkflow",
        "MultiTurnToolWorkflow",
        "MathReward",
        "MathWorkflow",
    ]
    for name in trinity_chord.__all__:
        assert name in dir(trinity_chord)


def test_every_class_of_the_package_can_be_used():
    classes = [getattr(trinity_chord, name) for name in trinity_chord.__all__[1:]]
    assert [each.__name__ for each in classes] == trinity_chord.__all__[1:]
    assert all(inspect.isclass(each) for each in classes)


def test_the_short_names_of_a_plugin_folder():
    assert names.SHORT_ALGORITHMS == {
        "chord": "trinity_chord.CHORDAlgorithm",
        "chord_mu": "trinity_chord.CHORDMuAlgorithm",
        "chord_phi": "trinity_chord.CHORDPhiAlgorithm",
    }
    assert names.SHORT_PARTS == {
        "policy_loss_fn": {"chord": "trinity_chord.CHORDPolicyLossFn"},
        "sample_strategy": {"expert_mix": "trinity_chord.ExpertMixSampleStrategy"},
        "entropy_loss_fn": {"expert_mix": "trinity_chord.ExpertMixEntropyLossFn"},
    }


def test_the_commands():
    command = typer.main.get_command(app)
    assert set(command.commands) == {
        "check",
        "doctor",
        "eval",
        "init",
        "migrate",
        "prepare",
        "presets",
        "quickstart",
        "recipes",
        "report",
        "run",
    }
    assert set(command.commands["eval"].commands) == {"bfcl", "math"}
    assert set(command.commands["prepare"].commands) == {
        "geometry3k",
        "openr1-math",
        "s1k",
        "toolace",
    }


def test_the_keys_of_the_objective():
    assert sorted(ObjectiveArgs.model_fields) == [
        "clip_range",
        "clip_range_high",
        "clip_range_low",
        "clip_ratio_c",
        "enable_phi_function",
        "grpo_loss_agg_mode",
        "loss_agg_mode",
        "mu_decay_steps",
        "mu_peak",
        "mu_schedule",
        "mu_schedule_args",
        "mu_valley",
        "mu_warmup_steps",
        "ngpus_trainer",
        "ppo_micro_batch_size_per_gpu",
        "ppo_mini_batch_size",
        "rl_loss",
        "rl_loss_args",
        "row_weight",
        "row_weight_args",
        "sft_loss_agg_mode",
        "token_weight",
        "token_weight_args",
        "train_batch_size_expert",
        "train_batch_size_usual",
        "use_dynamic_bsz",
    ]


def test_the_keys_of_the_sample_strategy():
    assert sorted(SampleArgs.model_fields) == [
        "expert_at_end",
        "expert_data_ratio",
        "expert_overlong",
        "expert_pairing",
        "expert_quality",
        "expert_rows",
        "expert_seed",
        "expert_sets",
        "expert_thoughts",
        "gate",
        "gate_args",
        "sft_dataset_name",
        "unpaired",
    ]


def test_the_errors_that_callers_catch():
    assert issubclass(errors.ChordConfigError, errors.ChordError)
    assert issubclass(errors.ChordConfigError, ValueError)
