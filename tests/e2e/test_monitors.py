"""A short real run with each of Trinity's monitors, offline: our metrics under their names."""

import pytest

from tests.e2e.runs import CONFIGS, Run, make_folder, small
from tests.monitors import MONITORS, logged_names, settings_of
from trinity_chord.report.model_card import CARD

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.long]

NAMES = (
    *("actor/mu", "actor/expert/loss", "actor/expert/prob_hist/0.05", "actor/usual/reward"),
    *("actor/usual/equal_groups", "actor/entropy_loss", "expert_data/epoch"),
)


@pytest.mark.parametrize("kind", MONITORS)
def test_a_run_logs_to_a_monitor(kind, tmp_path):
    folder = make_folder(tmp_path)
    arguments, environment = settings_of(kind, tmp_path)
    run = Run(
        folder,
        CONFIGS / "quickstart_cpu.yaml",
        *small(steps=2),
        f"monitor.monitor_type={kind}",
        f"monitor.monitor_args={arguments}",
    )
    run.env |= environment
    done = run.finish()
    assert done.returncode == 0, done.stdout
    assert logged_names(kind, tmp_path, NAMES) == set(NAMES)
    assert "step 2/2" in done.stdout
    (exported,) = run.job.glob("global_step_2/actor/huggingface")
    assert "`trinity_chord.CHORDMuAlgorithm`" in (exported / CARD).read_text(encoding="utf-8")
