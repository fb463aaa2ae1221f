"""How a configuration for Tinker is completed, and which ones are refused."""

import importlib
import json

import pytest
from trinity.algorithm import ALGORITHM_TYPE
from trinity.common.constants import SyncMethod
from typer.testing import CliRunner

from tests.tinker.conftest import TINKER
from trinity_chord.cli import app
from trinity_chord.errors import ChordConfigError
from trinity_chord.plugin import names

FIXED = "trainer.fix_actor_microbatch_loss_scale"
SYNC = "synchronizer.sync_method"
RUN = {**TINKER, "buffer.explorer_input.default_workflow_type": "math_workflow"}


@pytest.fixture
def refused(checked_for_tinker):
    """The text of the error that refuses a configuration."""

    def refuse(changes):
        with pytest.raises(ChordConfigError) as caught:
            checked_for_tinker(changes)
        return str(caught.value)

    return refuse


def test_the_batch_needs_no_cluster(checked_for_tinker):
    config = checked_for_tinker()
    assert config.buffer.train_batch_size == 16
    assert config.algorithm.sample_strategy_args["on_policy_rows"] == 8


def test_a_batch_may_have_any_number_of_rows(checked_for_tinker):
    # 8 rollouts and 3 expert rows are 11 rows, which two ranks could not share.
    rows = {"algorithm.sample_strategy_args": {"expert_rows": 3}}
    assert checked_for_tinker(rows).buffer.train_batch_size == 11


def test_the_sample_strategy_gets_the_name_of_the_trainer(checked_for_tinker):
    assert checked_for_tinker().algorithm.sample_strategy_args["backend"] == "tinker"


def test_nothing_is_adapted_to_a_machine_without_a_gpu(checked_for_tinker):
    config = checked_for_tinker({"mode": "train", "buffer.train_batch_size": 16})
    assert config.trainer.trainer_config is None
    assert config.trainer.use_remove_padding


def test_trinitys_rollout_model_can_be_imported_without_vllm(checked_for_tinker):
    checked_for_tinker()
    assert importlib.import_module("trinity.common.models.tinker_model").TinkerModel


def test_weights_are_synced_by_memory(checked_for_tinker, reported):
    assert checked_for_tinker().synchronizer.sync_method == SyncMethod.MEMORY
    assert "`synchronizer.sync_method`: got 'nccl', set to 'memory'" in reported[-1]


def test_weights_by_checkpoint_with_saved_checkpoints_give_a_warning(checked_for_tinker, reported):
    config = checked_for_tinker({SYNC: "checkpoint", "trainer.save_interval": 5})
    assert config.synchronizer.sync_method == SyncMethod.CHECKPOINT
    assert "(`trainer.save_interval: 5`), and the explorer may wait" in reported[-1]


def test_weights_by_checkpoint_without_saved_checkpoints_are_accepted(checked_for_tinker, reported):
    checked_for_tinker({SYNC: "checkpoint", "trainer.save_interval": 0})
    assert not any("sync_method" in line for line in reported)


def test_trinitys_loss_scale_is_switched_off_and_this_is_reported(checked_for_tinker, reported):
    config = checked_for_tinker({FIXED: True, SYNC: "memory"})
    assert config.trainer.fix_actor_microbatch_loss_scale is False
    assert f"`{FIXED}`: got True, set to False" in reported[-1]


def test_without_tinker_the_backend_is_verl(checked):
    assert checked().algorithm.sample_strategy_args["backend"] == "verl"


def test_a_kl_term_adds_the_reference_model(checked_for_tinker):
    config = checked_for_tinker({"algorithm.kl_loss_fn_args": {"kl_coef": 0.1}})
    assert config.algorithm.policy_loss_fn == names.POLICY_LOSS
    assert ALGORITHM_TYPE.get(config.algorithm.algorithm_type).use_reference


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithm.entropy_loss_fn": names.ENTROPY_LOSS},
        {"algorithm.entropy_loss_fn_args": {"entropy_coef": 0.01}},
    ],
)
def test_an_entropy_that_cannot_be_computed_is_refused(refused, changes):
    text = refused(changes)
    assert "`algorithm.entropy_loss_fn`" in text
    assert "there is no entropy over the vocabulary" in text


def test_an_entropy_coefficient_of_0_as_in_a_yaml_for_mix_chord_is_accepted(checked_for_tinker):
    changes = {
        "algorithm.entropy_loss_fn": "mix",
        "algorithm.entropy_loss_fn_args": {"entropy_coef": 0.0},
    }
    assert checked_for_tinker(changes).algorithm.entropy_loss_fn == "none"


def test_the_trainer_without_the_model_is_refused(refused):
    text = refused(
        {
            "model.tinker.enable": False,
            "trainer.trainer_type": "tinker",
            "cluster": {"node_num": 1, "gpu_per_node": 2},
        }
    )
    assert "`trainer.trainer_type`: got 'tinker', expected `model.tinker.enable: true`" in text


def test_a_missing_package_is_reported_with_its_installation(refused, monkeypatch):
    monkeypatch.setattr("trinity_chord.plugin.backends.tinker.find_spec", lambda name: None)
    assert "pip install 'trinity-chord[tinker]'" in refused({})


def test_the_check_command_needs_no_cluster(load, service, tmp_path):
    load(RUN)
    result = CliRunner().invoke(app, ["check", str(tmp_path / "config.yaml"), "--json"])
    report = json.loads(result.stdout)
    assert report["problems"] == []
    assert report["derived"]["trainer_ranks"] == 1


def test_the_check_command_reports_a_model_that_the_service_lacks(load, service, tmp_path):
    service.model_path = "another model"
    load(RUN)
    result = CliRunner().invoke(app, ["check", str(tmp_path / "config.yaml"), "--json"])
    assert "is not supported by tinker" in json.loads(result.stdout)["problems"][0]


def test_a_weight_that_needs_what_tinker_does_not_return_is_refused(checked_for_tinker):
    with pytest.raises(ChordConfigError, match="a weight that needs entropy"):
        checked_for_tinker({"algorithm.policy_loss_fn_args.row_weight": "srft"})
