"""The estimates of `check` against numbers computed by hand and published sizes."""

import json

import pytest
from safetensors.torch import load_file

from tests.recipes.data import LLAMA, QWEN, ROOT, ROWS_OF_EACH, make_data, variables
from tests.tiny_vision_model import make_vision_model_folder
from trinity_chord.launch.check import check
from trinity_chord.launch.estimates import expert_epochs
from trinity_chord.launch.load import load
from trinity_chord.launch.model_memory import (
    ModelSize,
    Trained,
    kv_bytes,
    read_adapter,
    read_size,
    trainer_memory,
)

# 2 layers of 100 parameters, and 50 outside of layers.
SMALL = ModelSize(
    parameters=250,
    layers=2,
    layer_parameters=100,
    hidden=4,
    intermediate=8,
    vocabulary=10,
    kv_width=2,
)


def memory(gpus=5, tokens=3, offload=False, reference=False, size=SMALL):
    return trainer_memory(size, gpus=gpus, tokens=tokens, offload=offload, reference=reference)


def test_the_state_is_16_bytes_per_parameter_shared_by_the_gpus():
    assert memory().state == 16 * 250 // 5


def test_a_layer_and_the_parameters_outside_of_layers_are_gathered_in_bfloat16():
    assert memory().gathered == 2 * (100 + 50)


def test_activations_are_layer_inputs_and_the_larger_of_logits_and_inner_activations():
    inputs = 2 * 3 * 4 * 2  # bytes · tokens · hidden · layers
    inner = 2 * 3 * (8 * 4 + 4 * 8)  # bytes · tokens · (8·hidden + 4·intermediate) = 384
    assert inner > 10 * 3 * 10
    assert memory().activations == inputs + inner
    wide = ModelSize(**{**vars(SMALL), "vocabulary": 1000})
    assert memory(size=wide).activations == inputs + 10 * 3 * 1000


def test_the_total_is_their_sum():
    assert memory().total == 800 + 300 + 48 + 384
    assert memory().host == 0


def test_offloading_moves_the_state_to_the_host():
    assert (memory(offload=True).state, memory(offload=True).host) == (0, 800)


def test_a_reference_model_is_in_host_memory_in_float32():
    assert memory(reference=True).host == 4 * 250 // 5
    assert memory(reference=True).total == memory().total


def test_with_lora_only_the_adapter_has_gradients_and_moments():
    lora = Trained(parameters=20, frozen_bytes=2 * 250)
    found = trainer_memory(SMALL, gpus=5, tokens=3, offload=False, reference=False, trained=lora)
    assert found.state == (16 * 20 + 2 * 250) // 5
    assert (found.gathered, found.activations) == (memory().gathered, memory().activations)


def test_the_cache_holds_keys_and_values_of_all_layers():
    assert kv_bytes(SMALL, 1) == 2 * 2 * 2 * 2  # keys and values · bytes · layers · width
    assert kv_bytes(SMALL, 2) == 8


def test_expert_epochs_are_rows_read_per_row_kept():
    assert expert_epochs(1500, 64, 5000) == 19.2


@pytest.mark.parametrize(
    ("config", "parameters"),
    [(QWEN, 7_615_616_512), (LLAMA, 3_212_749_824)],  # as in the weights of their model cards
    ids=["Qwen2.5-7B", "Llama-3.2-3B"],
)
def test_parameters_are_counted_from_the_config_alone(tmp_path, config, parameters):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert read_size(str(tmp_path)).parameters == parameters


def test_an_adapter_has_a_row_and_a_column_per_rank_and_linear_layer(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(QWEN))
    attention = 2 * (3584 + 3584) + 2 * (3584 + 512)  # q, o; k, v: inputs and outputs
    feed_forward = 3 * (3584 + 18944)
    settings = {"rank": 32, "target_modules": "all-linear"}
    found = read_adapter(str(tmp_path), **settings, exclude_modules=None)
    assert found == 28 * 32 * (attention + feed_forward) == 80_740_352
    found = read_adapter(str(tmp_path), **settings, exclude_modules=r".*\.mlp\..*")
    assert found == 28 * 32 * attention


def test_sizes_of_a_layer_are_read_from_the_config(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(QWEN))
    size = read_size(str(tmp_path))
    attention = 3584 * 3584 * 2 + 3584 * 512 * 2 + 3584 + 512 * 2  # q, o; k, v; their biases
    assert size.layer_parameters == attention + 3 * 3584 * 18944 + 2 * 3584
    assert kv_bytes(size, 1) == 57_344


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("estimates"))


@pytest.fixture
def estimates(folder, monkeypatch):
    def of(name, *overrides):
        for key, value in variables(folder, name.split("/")[0]).items():
            monkeypatch.setenv(key, value)
        return check(load(ROOT / "configs" / f"{name}.yaml", overrides)).estimates

    return of


def test_epochs_of_both_kinds_of_rows_are_estimated(estimates):
    found = estimates("math/chord_phi", "buffer.total_steps=10")
    assert (found["tasks"], found["steps_of_a_task_epoch"]) == (ROWS_OF_EACH, 1)
    assert (found["steps"], found["expert_epochs"]) == (10, 10 * 64 / ROWS_OF_EACH)


def test_expert_rows_that_will_be_dropped_are_counted(estimates, folder):
    rows = folder / "data/math/sft/train.jsonl"
    before = rows.read_text()
    long_row = json.loads(before.splitlines()[0])
    long_row["messages"][-1]["content"] = "1" * 200
    rows.write_text(before + json.dumps(long_row) + "\n")
    lengths = ("model.max_model_len=120", "model.max_response_tokens=60")
    found = estimates("math/chord_phi", *lengths)
    rows.write_text(before)
    assert (found["expert_rows_read"], found["expert_rows_dropped"]) == (ROWS_OF_EACH + 1, 1)
    assert found["expert_rows_kept"] == ROWS_OF_EACH


def test_without_the_models_config_a_reason_replaces_the_estimate(estimates, folder, tmp_path):
    for path in (folder / "base").iterdir():
        if path.name != "config.json":
            (tmp_path / path.name).symlink_to(path)
    found = estimates("math/grpo", f"model.model_path={tmp_path}")
    assert found["memory"].startswith("no estimate: the config.json of")
    assert "steps" in found


def test_one_gpu_holds_the_trainer_and_the_rollouts(estimates):
    one_gpu = ("cluster.gpu_per_node=1", "explorer.rollout_model.engine_num=1", "mode=colocate")
    found = estimates("math/chord_phi", *one_gpu, "trainer.offload_policy=true")
    assert found["fits_80_gb"]
    assert found["of_these_state"] == 0.0


@pytest.fixture
def qwen(tmp_path, folder):
    """The override that takes a model with the sizes of Qwen2.5-7B."""
    for path in (folder / "base").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(QWEN))
    return f"model.model_path={tmp_path}"


def test_the_recipe_with_lora_keeps_its_state_on_one_gpu(estimates, qwen):
    found = estimates("math/chord_phi_lora", qwen)
    assert found["trained_parameters"] == 80_740_352
    assert found["of_these_state"] == round((2 * 7_615_616_512 + 16 * 80_740_352) / 2**30, 1)
    assert found["fits_80_gb"]
    float32 = "trainer.trainer_config.actor.fsdp_config.model_dtype=fp32"
    found = estimates("math/chord_phi_lora", qwen, float32)
    assert found["of_these_state"] == round((4 * 7_615_616_512 + 16 * 80_740_352) / 2**30, 1)
    assert not found["fits_80_gb"]


def test_a_reference_costs_nothing_with_lora(estimates, qwen):
    kl = ("algorithm.kl_loss_fn=k2", "algorithm.kl_loss_fn_args.kl_coef=0.1")
    dense = estimates("math/chord_phi", qwen, *kl)
    lora = estimates("math/chord_phi_lora", qwen, *kl)
    assert dense["trainer_host_gib_for_each_gpu"] > 0
    assert lora["trainer_host_gib_for_each_gpu"] == 0


def test_each_stage_has_its_estimates(estimates):
    found = estimates("math/sft_then_grpo")
    assert set(found) == {"sft", "grpo"}
    assert "rollout_cache_tokens" not in found["sft"]
    assert "rollout_cache_tokens" in found["grpo"]


def test_a_model_that_reads_images_counts_its_vision_layers(tmp_path):
    folder = make_vision_model_folder(tmp_path)
    size = read_size(str(folder))
    weights = load_file(folder / "model.safetensors")
    assert size.parameters == sum(each.numel() for each in weights.values())
    assert (size.layers, size.hidden, size.intermediate) == (2, 64, 128)
    # 2 heads of 16 for keys and values each, of 4 heads for queries.
    assert size.kv_width == 32
