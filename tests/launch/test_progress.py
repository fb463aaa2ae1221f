"""A run that makes no progress is stopped with the reason."""

import os
import subprocess
import sys

from rich.console import Console

from trinity_chord.launch.jobs import Job
from trinity_chord.launch.progress import LOOK_SECONDS, ProgressWatch
from trinity_chord.launch.run import STALLED, _stalled_text, _watch


class Clock:
    """A time that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(int(text), int(text)))


def test_a_new_file_or_a_changed_one_is_progress(tmp_path):
    clock = Clock()
    watch = ProgressWatch([tmp_path], clock)
    clock.now = 100.0
    assert watch.idle_seconds() == 100
    write(tmp_path / "buffer" / "rollouts.db", "1")
    clock.now += LOOK_SECONDS
    assert watch.idle_seconds() == 0
    write(tmp_path / "buffer" / "rollouts.db", "2")
    clock.now += LOOK_SECONDS
    assert watch.idle_seconds() == 0
    clock.now += 50
    assert watch.idle_seconds() == 50


def test_a_log_that_grows_is_not_progress(tmp_path):
    clock = Clock()
    watch = ProgressWatch([tmp_path], clock)
    write(tmp_path / "log" / "explorer.log", "1")
    clock.now = 100.0
    assert watch.idle_seconds() == 100


def test_a_folder_that_does_not_exist_yet_is_empty(tmp_path):
    clock = Clock()
    watch = ProgressWatch([tmp_path / "run"], clock)
    write(tmp_path / "run" / "metrics.jsonl", "1")
    clock.now = LOOK_SECONDS
    assert watch.idle_seconds() == 0


def sleeper():
    return subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    )


def test_a_child_that_does_nothing_is_stopped(tmp_path):
    child = sleeper()
    job = Job(tmp_path, trains=True, planned_steps=1, trainer="trainer", explorer="explorer")
    assert _watch(child, [job], Console(quiet=True), stall_minutes=1 / 60) == STALLED
    assert child.poll() is not None
    assert "no new rollout, step or checkpoint in 120 minutes" in _stalled_text(120)


def test_without_a_limit_a_child_may_take_its_time(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(2)"], start_new_session=True
    )
    assert _watch(child, [], Console(quiet=True), stall_minutes=0) == 0
