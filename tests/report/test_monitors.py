"""Each of Trinity's monitors, offline, gets our metrics under the names that users know."""

import os
import subprocess
import sys

import pytest

from tests.monitors import MONITORS, logged_names, settings_of
from trinity_chord.report.recorder import metrics_file

pytestmark = pytest.mark.slow

NAMES = ("actor/mu", "actor/expert/prob_hist/0.05", "expert_data/epoch", "eval/set/score/mean@4")
PROGRAM = f"""
import json, os, sys
from trinity.common.config import Config
from trinity.utils.monitor import MONITOR
from trinity_chord.report.recorder import add_recorder
config = Config()
config.checkpoint_job_dir = os.getcwd()
config.monitor.cache_dir = os.path.join(os.getcwd(), "monitor")
config.monitor.monitor_type, config.monitor.monitor_args = sys.argv[1], json.loads(sys.argv[2])
add_recorder(config)
monitor = MONITOR.get(config.monitor.monitor_type)(
    project="p", group="g", name="n", role="trainer", config=config
)
for step in (1, 2):
    monitor.log(dict.fromkeys({NAMES}, 0.5 * step), step, commit=True)
monitor.close()
"""


@pytest.mark.parametrize("kind", MONITORS)
def test_a_monitor_gets_every_metric(kind, tmp_path):
    arguments, environment = settings_of(kind, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind, arguments],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert logged_names(kind, tmp_path, NAMES) == set(NAMES)
    assert len(metrics_file(tmp_path, "trainer").read_text().splitlines()) == 2
