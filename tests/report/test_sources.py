"""What is read from the recorder's files and from tensorboard's, whole, cut short and damaged."""

import math

import pytest
from torch.utils.tensorboard import SummaryWriter

from tests.report.run_folder import make_run
from trinity_chord.report.reading.sources import read_recorded, read_tensorboard
from trinity_chord.report.recorder import config_file, metrics_file


def test_trainer_and_explorer_are_read_together(tmp_path):
    job = make_run(tmp_path, steps=2)
    metrics_file(job, "explorer").write_text('{"step": 2, "time": 1.0, "rollout/a": 5}\n')
    reading = read_recorded(job)
    assert reading.metrics["actor/mu"] == {1: 1.0, 2: 0.5}
    assert reading.metrics["rollout/a"] == {2: 5.0}
    assert sorted(reading.times) == [1, 2]
    assert reading.config["name"] == "run"
    assert reading.notes == []


def test_a_line_that_is_being_written_is_left_for_later(tmp_path):
    job = make_run(tmp_path, steps=2)
    with metrics_file(job, "trainer").open("a") as file:
        file.write('{"step": 3, "actor/m')
    reading = read_recorded(job)
    assert reading.steps() == [1, 2]
    assert reading.notes == []


@pytest.mark.parametrize("line", ['{"step": 3, "act', "\0\0\0", "[1]", '{"actor/mu": 1}'])
def test_a_damaged_line_is_left_out_and_noted(tmp_path, line):
    job = make_run(tmp_path, steps=2)
    with metrics_file(job, "trainer").open("a") as file:
        file.write(f'{line}\n{{"step": 4, "actor/mu": 0.25}}\n')
    reading = read_recorded(job)
    assert reading.steps() == [1, 2, 4]
    assert "trainer.jsonl: a line is left out" in reading.notes[0]


def test_a_metric_that_is_not_a_number_stays_so(tmp_path):
    job = make_run(tmp_path, steps=1)
    with metrics_file(job, "trainer").open("a") as file:
        file.write('{"step": 2, "actor/mu": NaN}\n')
    assert math.isnan(read_recorded(job).metrics["actor/mu"][2])


def test_a_damaged_configuration_is_noted(tmp_path):
    job = make_run(tmp_path, steps=1)
    config_file(job).write_text("{")
    reading = read_recorded(job)
    assert reading.config is None
    assert "config.json cannot be read" in reading.notes[0]


def write_events(folder, steps, value=1.0):
    writer = SummaryWriter(str(folder))
    for step in steps:
        writer.add_scalar("actor/loss", value * step, step)
    writer.close()
    return next(iter(sorted(folder.glob("*tfevents*"), reverse=True)))


def test_tensorboard_files_are_read(tmp_path):
    write_events(tmp_path / "trainer", [1, 2, 3])
    reading = read_tensorboard(tmp_path)
    assert reading.metrics == {"actor/loss": {1: 1.0, 2: 2.0, 3: 3.0}}
    assert sorted(reading.times) == [1, 2, 3]
    assert reading.config is None


def test_after_a_resume_the_later_event_of_a_step_is_kept(tmp_path):
    write_events(tmp_path / "trainer", [1, 2])
    write_events(tmp_path / "trainer", [2, 3], value=10.0)
    assert read_tensorboard(tmp_path).metrics == {"actor/loss": {1: 1.0, 2: 20.0, 3: 30.0}}


def test_a_tensorboard_file_that_is_cut_short_gives_what_it_has(tmp_path):
    path = write_events(tmp_path / "trainer", range(1, 11))
    path.write_bytes(path.read_bytes()[:-20])
    assert max(read_tensorboard(tmp_path).steps()) == 9


def test_a_file_that_only_has_the_name_of_a_tensorboard_file_is_empty(tmp_path):
    (tmp_path / "events.out.tfevents.1").write_bytes(b"not a record" * 10)
    assert read_tensorboard(tmp_path).metrics == {}
