"""Every preset trains by `trinity run`, on a copy of the quickstart with small numbers."""

from pathlib import Path

import pytest
import yaml

from tests.e2e.runs import CONFIGS, Run, make_folder
from trinity_chord.presets import PRESETS, apply, as_yaml
from trinity_chord.report.history import read_history

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.presets]

STEPS = 5
# What each preset's last step must show to be what its name says.
SHOWN = {
    "sft": {"actor/mu": 1.0, "actor/usual/rows": 0.0},
    "dft": {"actor/mu": 1.0, "actor/usual/rows": 0.0},
    "iw_sft": {"actor/mu": 1.0, "actor/usual/rows": 0.0},
    "grpo": {"actor/mu": 0.0, "actor/expert/rows": 0.0},
    "sft_then_grpo": {"actor/mu": 0.0, "actor/expert/rows": 0.0},
    "mix": {"actor/mu": 0.1, "actor/expert/weight": 1.0},
    "chord_mu": {"actor/expert/weight": 1.0},
    "chord_phi": {"actor/mu": 0.1},
    "luffy": {"actor/mu": 0.125},
    "srft": {"actor/mu": 0.5},
    "hpt": {"actor/mu": 0.5, "expert_data/paired_share": 1.0},
    "superrl": {"actor/mu": 0.5, "expert_data/paired_share": 1.0},
    "adaptive_mu": {"actor/expert/weight": 1.0},
    "gac": {"actor/expert/weight": 1.0},
}


def small(folder: Path, name: str) -> Path:
    """A preset's configuration of 5 steps (of each stage), with batches of 8 rows at most."""
    values = yaml.safe_load((CONFIGS / "quickstart_cpu.yaml").read_text())
    stages = 2 if PRESETS[name].before else 1
    values["buffer"] |= {"batch_size": 2, "total_steps": stages * STEPS}
    values["trainer"] |= {"total_steps": stages * STEPS, "save_interval": STEPS}
    values["algorithm"]["repeat_times"] = 2
    values["algorithm"]["sample_strategy_args"]["expert_rows"] = 4
    values["explorer"]["runner_per_model"] = 1
    path = folder / f"{name}.yaml"
    path.write_text(as_yaml(apply(PRESETS[name], values)))
    return path


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_trains(name, tmp_path):
    run = Run(make_folder(tmp_path), small(tmp_path, name))
    finished = run.finish()
    assert finished.returncode == 0, finished.stdout + finished.stderr
    job = tmp_path / "checkpoints" / "trinity-chord" / name
    jobs = [job / PRESETS[name].before, job / name] if PRESETS[name].before else [job]
    for folder in jobs:
        assert [row["step"] for row in read_history(folder, "trainer")] == list(range(1, STEPS + 1))
    last = read_history(jobs[-1], "trainer")[-1]
    wanted = SHOWN.get(name, {})
    assert {key: last[key] for key in wanted} == pytest.approx(wanted)
