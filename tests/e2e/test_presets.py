"""Every preset trains with `trinity run`, on a small copy of the quickstart.

On two cores, starting Trinity's processes takes most of a minute per preset. `make test` therefore
runs only iw_sft, which trains without rollouts and with a reference model; `make test-all` runs
all of them.
"""

from pathlib import Path

import pytest
import yaml

from tests.e2e.runs import CONFIGS, launch, make_folder
from trinity_chord.presets import PRESETS, apply, as_yaml
from trinity_chord.report.history import read_history
from trinity_chord.report.recorder import RECORDER

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

STEPS = 5
GATED = {
    "actor/mu": 0.5,
    "expert_data/paired_share": 1.0,
    "gate/open_share": 1.0,
    "actor/expert/open_rows": 4.0,
    "actor/usual/open_rows": 4.0,
}
# Metrics of the last step that identify each preset.
SHOWN = {
    "sft": {"actor/mu": 1.0, "actor/usual/rows": 0.0, "actor/expert/weight": 1.0},
    "dft": {"actor/mu": 1.0, "actor/usual/rows": 0.0},
    "iw_sft": {"actor/mu": 1.0, "actor/usual/rows": 0.0},
    "grpo": {"actor/mu": 0.0, "actor/expert/rows": 0.0},
    "sft_then_grpo": {"actor/mu": 0.0, "actor/expert/rows": 0.0},
    "mix": {"actor/mu": 0.1, "actor/expert/weight": 1.0},
    "chord_mu": {"actor/expert/weight": 1.0},
    "chord_phi": {"actor/mu": 0.1},
    "dft_mixed": {"actor/mu": 0.1},
    "luffy": {"actor/mu": 0.125},
    "trsft": {"actor/mu": 0.1},
    "srft": {"actor/mu": 0.5},
    # The random model solves nothing, so a gate opens every prompt to its demonstration.
    "hpt": {**GATED, "actor/usual/open_rows": 0.0},
    "superrl": GATED,
    # The 2 prompts of each batch wait until they fill 4 expert rows, in steps 3 and 5.
    "relift": GATED,
    "adaptive_mu": {"actor/expert/weight": 1.0},
    "amft": {"actor/expert/weight": 1.0},
    "gac": {"actor/expert/weight": 1.0},
}


def small(folder: Path, name: str) -> Path:
    """Write a preset's configuration with 5 steps per stage and batches of at most 8 rows."""
    values = yaml.safe_load((CONFIGS / "quickstart_cpu.yaml").read_text())
    stages = 2 if PRESETS[name].before else 1
    values["buffer"] |= {"batch_size": 2, "total_steps": stages * STEPS}
    values["trainer"] |= {"total_steps": stages * STEPS, "save_interval": STEPS}
    values["algorithm"]["repeat_times"] = 2
    values["algorithm"]["sample_strategy_args"]["expert_rows"] = 4
    values["explorer"]["runner_per_model"] = 1
    values["monitor"] = {"monitor_type": RECORDER, "monitor_args": {"inner": "tensorboard"}}
    path = folder / f"{name}.yaml"
    path.write_text(as_yaml(apply(PRESETS[name], values)))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("presets"))


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n == "iw_sft" else pytest.mark.long) for n in PRESETS],
)
def test_a_preset_trains(name, ray, folder):
    launch(small(folder, name), **{**ray.env, "QUICKSTART_DIR": str(folder)})
    job = folder / "checkpoints" / "trinity-chord" / name
    jobs = [job / PRESETS[name].before, job / name] if PRESETS[name].before else [job]
    for each in jobs:
        rows = read_history(each, "trainer")
        assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
        assert any(row["actor/grad_norm"] > 0 for row in rows)
    expected = SHOWN[name]
    assert {key: rows[-1][key] for key in expected} == pytest.approx(expected)
    if name == "gac":
        check_feedback(rows)


def check_feedback(rows):
    """Check that the statistics of a step's expert rows enter the next step's μ."""
    first, second, third = rows[:3]
    assert "mu/sigma_s2" not in first
    assert second["mu/sigma_s2"] == pytest.approx(first["actor/expert/seq_nll_variance"])
    smooth = 0.99 * second["mu/sigma_s2"] + 0.01 * second["actor/expert/seq_nll_variance"]
    assert third["mu/sigma_s2"] == pytest.approx(smooth)
    blended = 0.5 * third["mu/noise_aware"] + 0.5 * third["mu/prior"]
    assert third["actor/mu"] == pytest.approx(min(max(blended, 0.05), 0.9))
