"""LoRA: what would fail late or be ignored is refused, and weights are synced as vLLM needs it."""

import json

import pytest

from trinity_chord.errors import ChordConfigError
from trinity_chord.plugin.backends import lora

RANK = "model.lora_configs.lora_rank"
VLLM = {"explorer.rollout_model.engine_type": "vllm"}


def with_lora(**settings):
    return {"model.lora_configs": [{"name": "adapter", "lora_rank": 8, **settings}]}


@pytest.fixture
def refused(load, monkeypatch):
    """Return a function that returns the problems of a run with changes."""
    # As if vLLM were installed: the CPU path would refuse its engine otherwise.
    monkeypatch.setattr("trinity_chord.plugin.backends.machine.find_spec", lambda name: name)

    def problems(changes):
        with pytest.raises(ChordConfigError) as caught:
            load(changes).check_and_update()
        return caught.value.problems

    return problems


def write_adapter(folder, **settings):
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"r": 8, **settings}))
    return str(folder)


def test_a_run_with_an_adapter_is_accepted(checked):
    config = checked(with_lora())
    assert config.explorer.rollout_model.enable_lora
    assert config.model.lora_configs[0].is_dummy


def test_a_rank_of_0_is_refused(refused):
    (problem,) = refused(with_lora(lora_rank=0))
    assert problem == f"`{RANK}`: got 0, expected 1 or more; 0 trains all weights"


def test_a_rank_that_vllm_does_not_accept_is_refused(refused):
    (problem,) = refused({**with_lora(lora_rank=12), **VLLM})
    assert problem.startswith(f"`{RANK}`: got 12, expected one of 1, 8, 16, 32")


def test_megatron_is_refused(refused):
    problems = refused({**with_lora(), **VLLM, "trainer.trainer_strategy": "megatron"})
    assert any(text.startswith("`trainer.trainer_strategy`: got 'megatron'") for text in problems)


def test_an_engine_that_ignores_adapters_is_refused(refused):
    problems = refused({**with_lora(), "explorer.rollout_model.engine_type": "sglang"})
    key = "`explorer.rollout_model.engine_type`: got 'sglang', expected 'vllm'"
    assert any(text.startswith(key) for text in problems)


@pytest.mark.parametrize("version", ["0.21.0", "0.21.2", "1.0.0"])
def test_a_version_of_peft_with_which_verl_saves_no_weights_is_refused(
    refused, monkeypatch, version
):
    monkeypatch.setattr(lora, "version", lambda name: version)
    (problem,) = refused(with_lora())
    assert problem.startswith(f"peft: got version {version}, expected 0.18 to 0.20")


def test_a_start_adapter_is_compared_with_the_configuration(refused, tmp_path):
    path = write_adapter(tmp_path / "adapter", r=16, lora_dropout=0.05)
    rank, dropout = refused(with_lora(path=path))
    assert rank == f"`{RANK}`: got 8, expected 16, the rank of {path}"
    assert "lora_dropout 0.05, expected 0" in dropout


def test_a_start_adapter_that_does_not_exist_is_refused(refused, tmp_path):
    (problem,) = refused(with_lora(path=str(tmp_path)))
    assert "expected a folder with adapter_config.json" in problem


def test_the_reference_of_a_start_adapter_is_reported(checked, reported, tmp_path):
    kl = {"algorithm.kl_loss_fn": "k2", "algorithm.kl_loss_fn_args.kl_coef": 0.1}
    checked({**kl, **with_lora(path=write_adapter(tmp_path / "adapter"))})
    assert any("the reference policy is the model without any adapter" in line for line in reported)
    assert not any("the adapter in bfloat16" in line for line in reported)  # float32 without a GPU


def test_the_model_folder_of_a_lora_checkpoint_is_refused(refused, tmp_path):
    adapter = write_adapter(tmp_path / "actor" / "lora_adapter")
    model = tmp_path / "actor" / "huggingface"
    model.mkdir()
    problems = refused({"model.model_path": str(model)})
    assert any(f"set `model.lora_configs: [{{path: {adapter}}}]`" in text for text in problems)


@pytest.fixture
def on_a_cluster(load, reported):
    """Check a run for a cluster with GPUs and vLLM; return its sync method and the messages."""
    from trinity_chord.plugin.backends.machine import for_another_cluster

    def check(changes):
        config = load({**VLLM, **changes})
        config.ignore_validator_suggestions = True
        with for_another_cluster():
            config.check_and_update()
        return config.synchronizer.sync_method.value, reported

    return check


@pytest.mark.parametrize("method", ["nccl", "memory", "checkpoint"])
def test_weights_for_vllm_are_synced_by_checkpoint(on_a_cluster, method):
    changes = {**with_lora(), "synchronizer.sync_method": method}
    found, messages = on_a_cluster(changes)
    assert found == "checkpoint"
    shown = any(f"got {method}, set to checkpoint" in line for line in messages)
    assert shown == (method != "checkpoint")


def test_on_one_gpu_too(on_a_cluster):
    one_gpu = {"mode": "colocate", "cluster.gpu_per_node": 1, "synchronizer.sync_method": "nccl"}
    assert on_a_cluster({**with_lora(), **one_gpu})[0] == "checkpoint"


def test_without_an_adapter_the_sync_method_is_kept(on_a_cluster):
    assert on_a_cluster({"synchronizer.sync_method": "memory"})[0] == "memory"


@pytest.mark.parametrize(("lr", "expected"), [(1e-5, True), (1e-4, False)])
def test_steps_that_bfloat16_rounds_away_are_reported(on_a_cluster, lr, expected):
    _, messages = on_a_cluster({**with_lora(), "algorithm.optimizer.lr": lr})
    assert any(f"got {lr}; with fsdp2" in line for line in messages) == expected
