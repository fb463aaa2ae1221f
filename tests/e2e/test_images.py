"""The recipe with images, from data to rollouts and weight sync, with a tiny model; two ranks."""

import datasets
import pytest
from PIL import Image

from tests.data.sources import write_rows
from tests.e2e.runs import CONFIGS, command
from tests.tiny_vision_model import UNIT, make_vision_model_folder
from trinity_chord.cpu import local_ray
from trinity_chord.report.history import read_history

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.long]

STEPS = 2
SMALL = {
    "cluster.gpu_per_node": 3,
    "explorer.rollout_model.engine_num": 1,
    "explorer.rollout_model.engine_type": "transformers",
    "explorer.runner_per_model": 1,
    "model.max_response_tokens": 16,
    "model.max_model_len": 1024,
    "buffer.total_steps": STEPS,
    "buffer.batch_size": 2,
    "algorithm.repeat_times": 2,
    "algorithm.sample_strategy_args.expert_rows": 4,
}


def source(path, column):
    """Write problems with figures of different sizes, as the hub has them."""
    rows = [
        {
            "images": [Image.new("RGB", ((1 + n % 3) * UNIT, (1 + n % 2) * UNIT), (9 * n, 0, 0))],
            "problem": f"<image>Find x of {column} {n}.",
            column: f"\\boxed{{{n}}}",
        }
        for n in range(12)
    ]
    text = datasets.Value("string")
    features = {"images": datasets.List(datasets.Image()), "problem": text, column: text}
    return write_rows(path, rows, datasets.Features(features))


@pytest.fixture(scope="module")
def ray():
    with local_ray(num_gpus=3, num_cpus=32) as local:
        yield local


def test_geometry_from_data_to_weight_sync(tmp_path, ray):
    model = make_vision_model_folder(tmp_path / "model")
    tasks = source(tmp_path / "tasks.parquet", "answer")
    experts = source(tmp_path / "experts.parquet", "response")
    data = tmp_path / "data"
    sources = ("--source", tasks, "--expert-source", experts)
    command("prepare", "geometry3k", "--out", data, *sources)
    paths = {
        "TRINITY_MODEL_PATH": model,
        "TRINITY_TASKSET_PATH": data / "rl",
        "TRINITY_SFT_DATASET_PATH": data / "sft",
        "TRINITY_CHECKPOINT_ROOT_DIR": tmp_path / "checkpoints",
    }
    env = {**ray.env, **{name: str(path) for name, path in paths.items()}}
    sets = [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]
    command("run", CONFIGS / "vision" / "chord_phi.yaml", *sets, **env)
    rows = read_history(tmp_path / "checkpoints" / "chord-vision" / "chord_phi", "trainer")
    assert [(row["actor/usual/rows"], row["actor/expert/rows"]) for row in rows] == [(4, 4)] * STEPS
    # The trainer sees the images of the rollouts: its log-probabilities are theirs.
    assert all(abs(row["actor/usual/ppo_kl"]) < 1e-6 for row in rows)
    assert all(row["actor/grad_norm"] > 0 for row in rows)
