"""The example from public data to a table of scores, with a tiny model.

Every command is the real one in its own process; the rows are made up in the sources' schemas.
"""

import json

import pytest

from tests.data import sources
from tests.e2e.runs import CONFIGS, command
from tests.evaluation.math.sets import write_sets
from tests.tiny_model import make_model_folder
from trinity_chord.report.history import read_history

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

STEPS = 2
SMALL = {
    "cluster.node_num": 1,
    "cluster.gpu_per_node": 2,
    "explorer.rollout_model.engine_num": 1,
    "explorer.rollout_model.engine_type": "transformers",
    "explorer.runner_per_model": 1,
    "model.max_response_tokens": 32,
    "buffer.total_steps": STEPS,
    "buffer.batch_size": 2,
    "algorithm.repeat_times": 2,
    "algorithm.sample_strategy_args.expert_rows": 2,
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Return the folder of a model for longer texts than those of the other tests."""
    folder = make_model_folder(tmp_path_factory.mktemp("model"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 8192}))
    return folder


def train(domain, folder, model, ray, max_model_len):
    """Run a small version of the domain's CHORD-φ recipe; return its last checkpoint."""
    paths = {
        "TRINITY_MODEL_PATH": model,
        "TRINITY_TASKSET_PATH": folder / "data" / "rl",
        "TRINITY_SFT_DATASET_PATH": folder / "data" / "sft",
        "TRINITY_CHECKPOINT_ROOT_DIR": folder / "checkpoints",
    }
    sets = [f"{key}={value}" for key, value in SMALL.items()]
    sets.append(f"model.max_model_len={max_model_len}")
    overrides = [part for text in sets for part in ("--set", text)]
    recipe = CONFIGS / domain / "chord_phi.yaml"
    env = {**ray.env, **{name: str(path) for name, path in paths.items()}}
    command("run", recipe, *overrides, **env)
    job = folder / "checkpoints" / f"chord-{domain}" / "chord_phi"
    rows = read_history(job, "trainer")
    assert [(row["actor/usual/rows"], row["actor/expert/rows"]) for row in rows] == [(4, 2)] * STEPS
    assert rows[-1]["actor/grad_norm"] > 0
    return job / f"global_step_{STEPS}"


def test_math_from_openr1_to_the_table(tmp_path, model, ray):
    rows = [sources.openr1_row(number) for number in range(40)]
    source = sources.write_rows(tmp_path / "openr1.parquet", rows, sources.OPENR1_FEATURES)
    amounts = ("--sft", 10, "--rl", 20, "--tokenizer", model)
    command("prepare", "openr1-math", "--source", source, "--out", tmp_path / "data", *amounts)
    checkpoint = train("math", tmp_path, model, ray, max_model_len=1024)
    data = write_sets(tmp_path / "sets")
    asked = ("--model", checkpoint, "--data-dir", data, "--sets", "amc23,mmlu-pro")
    sampling = ("--k", "amc23=2", "--max-tokens", 8, "--out", tmp_path / "scores")
    table = command("eval", "math", *asked, *sampling)
    assert "CHORD-φ" in table
    assert "62.5" in table  # The paper's figure for AMC23.
    scores = json.loads(command("eval", "math", *asked, *sampling, "--json"))
    # The tokenizer has no backslash, so the model cannot box an answer.
    assert scores["sets"]["mmlu-pro"]["avg"] == 0.0
    assert set(scores["sets"]) == {"amc23", "mmlu-pro"}


def test_tool_use_from_toolace_to_the_table(tmp_path, model, ray):
    plain = [sources.toolace_row(number) for number in range(30)]
    expert = [sources.sft_split_row(number) for number in range(30, 40)]
    source = sources.write_rows(tmp_path / "toolace.parquet", plain, sources.TOOLACE_FEATURES)
    experts = sources.write_rows(tmp_path / "expert.jsonl", expert)
    amounts = ("--expert-source", experts, "--sft", 10, "--rl", 20)
    command("prepare", "toolace", "--source", source, "--out", tmp_path / "data", *amounts)
    checkpoint = train("tool", tmp_path, model, ray, max_model_len=6144)
    asked = ("--model", checkpoint, "--limit", 1, "--max-tokens", 8, "--out", tmp_path / "scores")
    table = command("eval", "bfcl", *asked)
    assert "PARTIAL: 8 of 8 categories" in table
    assert "live_parallel_multiple" in table
    scores = json.loads(command("eval", "bfcl", *asked, "--json"))
    assert scores["partial"]
    assert (scores["overall"]["correct"], scores["overall"]["total"]) == (0, 8)
