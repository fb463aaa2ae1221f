"""The contract between configuration, sample strategy and losses, compared with their code."""

import inspect
from dataclasses import fields

import pytest
import yaml

from trinity_chord.errors import ChordConfigError
from trinity_chord.plugin.contract import (
    ROW_FIELDS,
    Pairing,
    RowSettings,
    StrategyArgs,
    row_fields,
)
from trinity_chord.plugin.training.entropy_loss import ExpertMixEntropyLossFn
from trinity_chord.plugin.training.policy_loss import CHORDPolicyLossFn

TOKEN_TENSORS = {"old_logprob", "action_mask", "advantages"}
ARGS = StrategyArgs(
    on_policy_rows=4,
    expert_rows=3,
    discarded_rows=0,
    mu_schedule="constant",
    mu_schedule_args={"value": 0.1},
    on_policy_mode="token-mean",
    expert_mode="token-mean",
    experts=None,
    backend="verl",
    row_level=RowSettings(Pairing("id", None), "skip", "hpt", {"threshold": 0.5}),
)


def names_of(backend):
    return {field.name for field in row_fields(backend)}


def test_the_policy_loss_takes_the_fields_of_a_row_and_nothing_else():
    taken = set(CHORDPolicyLossFn._select_keys) - TOKEN_TENSORS
    assert taken == names_of("verl") | set(CHORDPolicyLossFn._runtime_keys)


def test_the_entropy_loss_takes_only_fields_of_a_row():
    parameters = inspect.signature(ExpertMixEntropyLossFn.__call__).parameters
    taken = set(parameters) - {"self", "entropy", "action_mask", "kwargs"}
    assert taken <= names_of("verl") | set(ExpertMixEntropyLossFn._runtime_keys)


def test_tinker_reads_the_fields_of_verl_the_ranks_and_the_reference():
    assert names_of("tinker") == {*names_of("verl"), "dp_size", "ref_logprob"}


def test_no_two_fields_have_the_same_name_or_the_same_key():
    assert len({field.name for field in ROW_FIELDS}) == len(ROW_FIELDS)
    assert len({field.info_key for field in ROW_FIELDS}) == len(ROW_FIELDS)


def test_the_strategys_arguments_survive_yaml():
    assert StrategyArgs.from_args(yaml.safe_load(yaml.safe_dump(ARGS.to_args()))) == ARGS


def test_derive_writes_the_fields_of_the_arguments(checked):
    args = checked().algorithm.sample_strategy_args
    assert list(args) == [field.name for field in fields(StrategyArgs)]
    assert StrategyArgs.from_args(args).to_args() == args


@pytest.mark.parametrize("change", [{"mu": 0.3}, {"backend": None}])
def test_arguments_that_derive_did_not_write_are_refused(change):
    args = {**ARGS.to_args(), **change}
    if change == {"backend": None}:
        del args["backend"]
    with pytest.raises(ChordConfigError, match="CHORDAlgorithm`, which derives them"):
        StrategyArgs.from_args(args)
