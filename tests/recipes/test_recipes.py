"""The recipes are up to date, carry the paper's values, and pass their check for each cluster."""

import json
from pathlib import Path

import pytest
from trinity.common.config import load_config
from typer.testing import CliRunner

from tests.recipes.data import LLAMA, QWEN, ROOT, make_data, variables
from trinity_chord.cli import app
from trinity_chord.launch.check import check
from trinity_chord.launch.estimates import GPU_BYTES
from trinity_chord.launch.load import ConfigFileError, load
from trinity_chord.launch.model_memory import read_size, trainer_memory
from trinity_chord.recipes.domains import DOMAINS, SIZES
from trinity_chord.recipes.methods import METHODS, merge
from trinity_chord.recipes.write import write

NAMES = [f"{domain}/{method.name}" for domain in DOMAINS for method in METHODS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("recipes"))


@pytest.fixture
def recipe(folder, monkeypatch):
    def read(name, gpus=8, *overrides):
        for key, value in variables(folder, name.split("/")[0]).items():
            monkeypatch.setenv(key, value)
        monkeypatch.setenv("TRINITY_CHORD_GPUS", str(gpus))
        return load(ROOT / "configs" / f"{name}.yaml", overrides)

    return read


def test_the_files_are_up_to_date(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = write(Path("configs"))
    assert {str(path) for path in made} == {f"configs/{name}.yaml" for name in NAMES}
    assert [path for path in made if path.read_text() != (ROOT / path).read_text()] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_passes_its_check_for_each_cluster_that_it_names(recipe, name):
    ranks = {}
    for gpus in SIZES:
        report = check(recipe(name, gpus))
        assert report.problems == []
        last = report.derived[report.stages[-1]] if report.stages else report.derived
        ranks[gpus] = last["trainer_ranks"]
    alone = name.endswith("/sft")
    assert ranks == ({1: 1, 4: 4, 8: 8, 16: 16} if alone else {1: 1, 4: 2, 8: 4, 16: 8})


@pytest.mark.parametrize(
    ("gpus", "numbers"),
    [
        (1, ("colocate", 1, 1, 1)),
        (4, ("both", 1, 4, 2)),
        (8, ("both", 1, 8, 4)),
        (16, ("both", 2, 8, 8)),
    ],
)
def test_one_variable_chooses_the_cluster(recipe, gpus, numbers):
    config = recipe("math/chord_phi", gpus)
    engines = config.explorer.rollout_model.engine_num
    found = (config.mode, config.cluster.node_num, config.cluster.gpu_per_node, engines)
    assert found == numbers


def test_without_the_variable_there_are_8_gpus(recipe, monkeypatch):
    recipe("math/chord_phi")
    monkeypatch.delenv("TRINITY_CHORD_GPUS")
    assert load(ROOT / "configs/math/chord_phi.yaml").cluster.gpu_per_node == 8


def test_another_number_of_gpus_is_refused_with_the_variable_and_the_number(recipe):
    with pytest.raises(ConfigFileError, match=r"TRINITY_CHORD_GPUS\.3\."):
        recipe("math/chord_phi", 3)


@pytest.mark.parametrize("name", NAMES)
def test_trinitys_own_loader_reads_a_recipe_as_ours_does(recipe, name):
    ours = recipe(name)  # sets the variables, too
    assert load_config(str(ROOT / "configs" / f"{name}.yaml")) == ours


@pytest.mark.parametrize(
    ("domain", "prompts", "expert_rows", "train_batch", "steps", "model"),
    [
        ("math", 32, 64, 320, 1500, "Qwen/Qwen2.5-7B-Instruct"),  # 32·8 + 64
        ("tool", 96, 96, 864, 100, "meta-llama/Llama-3.2-3B-Instruct"),  # 96·8 + 96
    ],
)
def test_the_values_are_the_papers(
    recipe, monkeypatch, domain, prompts, expert_rows, train_batch, steps, model
):
    config = recipe(f"{domain}/chord_phi")
    derived = check(config).derived
    assert (config.buffer.batch_size, derived["expert_rows"]) == (prompts, expert_rows)
    assert (derived["train_batch_size"], derived["total_steps"]) == (train_batch, steps)
    assert (config.algorithm.repeat_times, config.algorithm.optimizer.lr) == (8, 1e-6)
    assert config.model.max_response_tokens == 16384
    monkeypatch.delenv("TRINITY_MODEL_PATH")
    assert load(ROOT / f"configs/{domain}/chord_phi.yaml").model.model_path == model


@pytest.mark.parametrize(
    ("name", "schedule", "args", "token_weight"),
    [
        (
            "math/chord_mu",
            "warmup_cosine",
            {"warmup_steps": 0, "decay_steps": 200, "peak": 0.9, "valley": 0.05},
            "sft",
        ),
        (
            "tool/chord_mu",
            "warmup_cosine",
            {"warmup_steps": 0, "decay_steps": 30, "peak": 0.9, "valley": 0.05},
            "sft",
        ),
        (
            "tool/chord_phi",
            "warmup_cosine",
            {"warmup_steps": 0, "decay_steps": 0, "peak": 0.1, "valley": 0.1},
            "phi",
        ),
        ("math/fixed_mu", "constant", {"value": 0.1}, "sft"),
        ("tool/adaptive_mu", "reward_threshold", {"threshold": 0.5}, "sft"),
        ("math/luffy", "constant", {"value": 0.125}, "luffy"),
        ("tool/hpt", "constant", {"value": 0.5}, "sft"),
    ],
)
def test_mu_and_the_token_weight_are_the_methods(recipe, name, schedule, args, token_weight):
    derived = check(recipe(name)).derived
    assert (derived["mu_schedule"], derived["mu_schedule_args"]) == (schedule, args)
    assert derived["token_weight"] == token_weight


def test_sft_comes_before_grpo_and_each_stage_has_its_own_learning_rate(recipe):
    config = recipe("math/sft_then_grpo")
    stages = [(each.name, each.mode, each.algorithm.optimizer.lr) for each in config]
    assert stages == [("sft_then_grpo/sft", "train", 1e-5), ("sft_then_grpo/grpo", "both", 1e-6)]
    derived = check(config).derived
    assert (derived["sft"]["on_policy_rows"], derived["sft"]["expert_rows"]) == (0, 64)
    assert (derived["grpo"]["on_policy_rows"], derived["grpo"]["expert_rows"]) == (256, 0)


def test_the_command_lists_what_it_writes(tmp_path):
    listed = CliRunner().invoke(app, ["recipes"]).stdout.split()
    written = CliRunner().invoke(app, ["recipes", "--write", str(tmp_path)]).stdout.split()
    assert [str(tmp_path / f"{name}.yaml") for name in listed] == written
    assert listed == NAMES


def test_changes_reach_nested_keys_and_none_removes_one():
    base = {"a": {"b": 1, "c": 2}, "d": 3}
    assert merge(base, {"a": {"b": 5, "c": None}, "e": 4}) == {"a": {"b": 5}, "d": 3, "e": 4}
    assert base == {"a": {"b": 1, "c": 2}, "d": 3}


SIZE_OF = {"math": QWEN, "tool": LLAMA}


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_state_is_offloaded_where_it_must_and_nowhere_else(tmp_path, domain):
    (tmp_path / "config.json").write_text(json.dumps(SIZE_OF[domain]))
    size = read_size(str(tmp_path))
    tokens = load(ROOT / "configs" / domain / "grpo.yaml").trainer.max_token_len_per_gpu
    must = []
    for gpus in SIZES:
        taken = {
            offload: trainer_memory(
                size, gpus=max(1, gpus // 2), tokens=tokens, offload=offload, reference=False
            ).total
            for offload in (False, True)
        }
        rollouts = GPU_BYTES // 4 if gpus == 1 else 0  # a quarter, as Trinity's colocate has it
        assert taken[True] + rollouts <= GPU_BYTES
        if taken[False] + rollouts > GPU_BYTES:
            must.append(gpus)
    assert tuple(must) == DOMAINS[domain].offloads
