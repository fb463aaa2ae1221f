import json

import numpy as np
import pandas as pd
import pytest
from trinity.common.config import Config
from trinity.utils.monitor import MONITOR, Monitor

from trinity_chord.report.recorder import RECORDER, add_recorder, config_file, metrics_file


class Inner(Monitor):
    """Remembers its calls."""

    made: list = []  # noqa: RUF012

    def __init__(self, project, group, name, role, config=None):
        self.config, self.logged, self.tables, self.closed = config, [], [], 0
        Inner.made.append(self)

    def log(self, data, step, commit=False):
        self.logged.append((data, step))

    def log_table(self, table_name, experiences_table, step):
        self.tables.append((table_name, step))

    def close(self):
        self.closed += 1


@pytest.fixture
def monitor(tmp_path):
    config = Config()
    config.checkpoint_job_dir = str(tmp_path)
    config.monitor.monitor_type = f"{__name__}.Inner"
    config.monitor.monitor_args = {"color": "blue"}
    add_recorder(config)
    add_recorder(config)
    return MONITOR.get(config.monitor.monitor_type)(
        project="p", group="g", name="n", role="trainer", config=config
    )


def test_every_number_is_written_and_everything_forwarded(monitor, tmp_path):
    data = {"a": 1, "b": np.float32(0.5), "c": "text"}
    monitor.log(data, 7)
    line = json.loads(metrics_file(tmp_path, "trainer").read_text())
    assert {key: line[key] for key in ("step", "a", "b")} == {"step": 7, "a": 1.0, "b": 0.5}
    assert "c" not in line
    assert monitor.inner.logged == [(data, 7)]


def test_the_inner_monitor_sees_its_own_settings(monitor):
    assert monitor.inner.config.monitor.monitor_type == f"{__name__}.Inner"
    assert monitor.inner.config.monitor.monitor_args == {"color": "blue"}


def test_tables_are_forwarded(monitor):
    monitor.log_table("samples", pd.DataFrame(), 2)
    assert monitor.inner.tables == [("samples", 2)]


def test_closing_twice_closes_once(monitor):
    monitor.close()
    monitor.close()
    assert monitor.inner.closed == 1


def test_a_step_that_ends_after_closing_is_still_written(monitor, tmp_path):
    monitor.close()
    monitor.log({"a": 1}, 4)
    assert json.loads(metrics_file(tmp_path, "trainer").read_text())["step"] == 4
    assert monitor.inner.logged == []


def test_adding_the_recorder_twice_changes_nothing():
    config = Config()
    add_recorder(config)
    once = dict(config.monitor.monitor_args)
    add_recorder(config)
    assert config.monitor.monitor_args == once
    assert config.monitor.monitor_type == RECORDER


def test_the_configuration_is_kept_as_the_user_wrote_it_and_without_secrets(tmp_path):
    config = Config(name="run 1")
    config.checkpoint_job_dir = str(tmp_path)
    config.monitor.monitor_type = f"{__name__}.Inner"
    config.monitor.monitor_args = {"api_key": "abc", "base_url": "here"}
    add_recorder(config)
    MONITOR.get(config.monitor.monitor_type)(
        project="p", group="g", name="n", role="trainer", config=config
    )
    kept = json.loads(config_file(tmp_path).read_text())
    assert kept["name"] == "run 1"
    assert kept["monitor"]["monitor_type"] == f"{__name__}.Inner"
    assert kept["monitor"]["monitor_args"] == {"api_key": "(hidden)", "base_url": "here"}
    assert list(config_file(tmp_path).parent.iterdir()) == [config_file(tmp_path)]
