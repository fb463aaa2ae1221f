"""The recipes are up to date, have the paper's values, and pass their check on every cluster."""

import json
import re
import shlex

import pytest
from trinity.common.config import load_config
from typer.testing import CliRunner

from tests.recipes.data import LLAMA, QWEN, ROOT, make_data, variables
from tools import recipe_files
from trinity_chord.cli import app
from trinity_chord.launch.check import check
from trinity_chord.launch.estimates import GPU_BYTES
from trinity_chord.launch.load import load
from trinity_chord.launch.model_memory import read_size, trainer_memory
from trinity_chord.recipes.clusters import CLUSTERS
from trinity_chord.recipes.domains import DOMAINS
from trinity_chord.recipes.methods import METHODS, merge
from trinity_chord.recipes.write import write

NAMES = [f"{domain}/{method.name}" for domain in DOMAINS for method in METHODS]
DOCUMENTS = [ROOT / "docs/recipes.md", ROOT / "examples/mix_chord/README.md"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, data, and the recipes for each number of GPUs."""
    folder = make_data(tmp_path_factory.mktemp("recipes"))
    for gpus in CLUSTERS:
        write(folder / str(gpus), gpus)
    return folder


@pytest.fixture
def recipe(folder, monkeypatch):
    def read(name, gpus=8):
        for key, value in variables(folder, name.split("/")[0]).items():
            monkeypatch.setenv(key, value)
        return load(folder / str(gpus) / f"{name}.yaml")

    return read


def test_the_shipped_files_are_up_to_date(tmp_path):
    written = recipe_files.write(tmp_path)
    names = [path.relative_to(tmp_path) for path in written]
    assert {str(name) for name in names} == {f"configs/{name}.yaml" for name in NAMES}
    stale = [name for name in names if (tmp_path / name).read_text() != (ROOT / name).read_text()]
    assert stale == []


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_passes_its_check_on_every_cluster(recipe, name):
    ranks = {}
    for gpus in CLUSTERS:
        report = check(recipe(name, gpus))
        assert report.problems == []
        last = report.derived[report.stages[-1]] if report.stages else report.derived
        ranks[gpus] = last["trainer_ranks"]
    expected = {1: 1, 4: 2, 8: 4, 16: 8}
    if name.endswith("/sft"):
        expected = {1: 1, 4: 4, 8: 8, 16: 16}
    if name.endswith("_lora"):
        expected = dict.fromkeys(CLUSTERS, 1)
    assert ranks == expected


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [
        (1, ("colocate", 1, 1, 1, "memory")),
        (4, ("both", 1, 4, 2, "nccl")),
        (8, ("both", 1, 8, 4, "nccl")),
        (16, ("both", 2, 8, 8, "nccl")),
    ],
)
def test_a_recipe_uses_the_cluster_it_was_written_for(recipe, gpus, expected):
    config = recipe("math/chord_phi", gpus)
    engines = config.explorer.rollout_model.engine_num
    cluster = (config.cluster.node_num, config.cluster.gpu_per_node)
    assert (config.mode, *cluster, engines, config.synchronizer.sync_method.value) == expected


@pytest.mark.parametrize("gpus", CLUSTERS)
def test_recipes_are_plain_yaml_with_environment_variables_only(folder, gpus):
    for name in NAMES:
        text = (folder / str(gpus) / f"{name}.yaml").read_text()
        interpolations = re.findall(r"\$\{([^}]*)\}", text)
        assert interpolations
        assert [i for i in interpolations if not i.startswith("oc.env:TRINITY_")] == []


def test_the_header_states_the_cluster_and_its_commands(folder):
    text = (folder / "16" / "tool" / "luffy.yaml").read_text().split("\nproject:")[0]
    path = folder / "16" / "tool" / "luffy.yaml"
    assert "# Cluster:  2 nodes with 8 GPUs of 80 GB each: 8 for rollouts, 8 for training" in text
    assert f"# Check:    trinity-chord check {path}" in text
    assert f"# Run:      trinity run --config {path}" in text
    assert f"# Override: trinity-chord run {path} --set algorithm." in text
    assert text.endswith(f"# Made by:  trinity-chord recipes --gpus 16 --write {folder / '16'}")


@pytest.mark.parametrize("name", NAMES)
def test_trinitys_own_loader_reads_a_recipe_as_ours_does(recipe, name):
    ours = recipe(name)  # also sets the environment variables
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
def test_mu_and_token_weight_are_those_of_the_method(recipe, name, schedule, args, token_weight):
    derived = check(recipe(name)).derived
    assert (derived["mu_schedule"], derived["mu_schedule_args"]) == (schedule, args)
    assert derived["token_weight"] == token_weight


def test_sft_comes_before_grpo_with_its_own_learning_rate(recipe):
    config = recipe("math/sft_then_grpo")
    stages = [(each.name, each.mode, each.algorithm.optimizer.lr) for each in config]
    assert stages == [("sft_then_grpo/sft", "train", 1e-5), ("sft_then_grpo/grpo", "both", 1e-6)]
    derived = check(config).derived
    assert (derived["sft"]["on_policy_rows"], derived["sft"]["expert_rows"]) == (0, 64)
    assert (derived["grpo"]["on_policy_rows"], derived["grpo"]["expert_rows"]) == (256, 0)


def recipes(*words):
    return CliRunner().invoke(app, ["recipes", *map(str, words)])


def test_the_command_lists_what_it_writes(tmp_path):
    listed = recipes().stdout.split()
    written = recipes("--write", tmp_path).stdout.split()
    assert [str(tmp_path / f"{name}.yaml") for name in listed] == written
    assert listed == NAMES


def test_the_command_writes_for_a_number_of_gpus_and_for_8_by_default(tmp_path, folder):
    for gpus, options in ((8, ()), (4, ("--gpus", 4))):
        assert recipes(*options, "--write", tmp_path).exit_code == 0
        written = load(tmp_path / "math/chord_mu.yaml")
        assert written == load(folder / str(gpus) / "math/chord_mu.yaml")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--gpus", 3, "--write", "x"), "got 3, expected one of 1, 4, 8, 16"),
        (("--gpus", 4), "--gpus needs --write DIR"),
    ],
)
def test_wrong_options_are_refused(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    result = recipes(*words)
    assert result.exit_code == 2
    assert message in result.output
    assert list(tmp_path.iterdir()) == []


def test_the_documents_commands_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [line for path in DOCUMENTS for line in path.read_text().splitlines()]
    commands = [line for line in lines if line.startswith("trinity-chord recipes")]
    assert len(commands) >= 3
    for command in commands:
        result = CliRunner().invoke(app, shlex.split(command, comments=True)[1:])
        assert result.exit_code == 0, result.output


def test_merge_changes_nested_keys_and_removes_those_set_to_none():
    base = {"a": {"b": 1, "c": 2}, "d": 3}
    assert merge(base, {"a": {"b": 5, "c": None}, "e": 4}) == {"a": {"b": 5}, "d": 3, "e": 4}
    assert base == {"a": {"b": 1, "c": 2}, "d": 3}


SIZE_OF = {"math": QWEN, "tool": LLAMA}


@pytest.mark.parametrize("domain", DOMAINS)
def test_optimizer_state_is_offloaded_only_if_it_does_not_fit(tmp_path, domain):
    (tmp_path / "config.json").write_text(json.dumps(SIZE_OF[domain]))
    size = read_size(str(tmp_path))
    tokens = load(ROOT / "configs" / domain / "grpo.yaml").trainer.max_token_len_per_gpu
    must_offload = []
    for gpus in CLUSTERS:
        used = {
            offload: trainer_memory(
                size, gpus=max(1, gpus // 2), tokens=tokens, offload=offload, reference=False
            ).total
            for offload in (False, True)
        }
        rollouts = GPU_BYTES // 4 if gpus == 1 else 0  # Trinity's colocate: a quarter
        assert used[True] + rollouts <= GPU_BYTES
        if used[False] + rollouts > GPU_BYTES:
            must_offload.append(gpus)
    assert tuple(must_offload) == DOMAINS[domain].offload_gpus
