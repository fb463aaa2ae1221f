import math

import pytest

from tests.report.run_folder import make_run
from trinity_chord.report.errors import ReportError
from trinity_chord.report.reading.metrics import Reading
from trinity_chord.report.reading.runs import add_computed, group_labels, read_runs


def computed(metrics, times=None):
    reading = Reading("test", metrics={name: dict(each) for name, each in metrics.items()})
    reading.times = times or {}
    add_computed(reading)
    return reading.metrics


def test_the_share_of_expert_tokens_by_hand():
    metrics = {"actor/expert/tokens": {1: 30.0, 2: 0.0}, "actor/usual/tokens": {1: 10.0, 2: 0.0}}
    assert computed(metrics)["share of expert tokens"] == {1: 0.75}


def test_the_seconds_of_a_step_are_from_the_end_of_the_one_before():
    times = {1: 100.0, 2: 103.0, 4: 110.0, 5: 109.0}
    assert computed({}, times)["seconds between steps"] == {2: 3.0}


def test_a_step_without_expert_rows_has_no_means_over_them():
    metrics = {"actor/expert/open_rows": {1: 4.0, 2: 0.0}, "actor/expert/prob": {1: 0.5, 2: 0.0}}
    assert computed(metrics)["actor/expert/prob"] == {1: 0.5}


def test_runs_that_differ_by_seed_have_the_start_of_their_labels(tmp_path):
    for seed in (0, 1):
        make_run(tmp_path / f"mu_seed{seed}", steps=1, seed=seed)
    make_run(tmp_path / "phi", steps=1, config={"algorithm": {"lr": 1}})
    runs, problems = read_runs([str(tmp_path)])
    assert problems == []
    assert [run.group for run in runs] == [0, 0, 1]
    assert group_labels(runs) == ["mu, 2 seeds", "phi"]


def test_a_run_that_cannot_be_read_does_not_stop_the_others(tmp_path):
    make_run(tmp_path / "good", steps=1)
    (tmp_path / "empty").mkdir()
    runs, problems = read_runs([str(tmp_path / "good"), str(tmp_path / "empty")])
    assert [run.label for run in runs] == ["run"]
    assert len(problems) == 1


def test_without_any_run_every_reason_is_listed(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReportError, match=r"nothing to report: 2 problems") as error:
        read_runs([str(tmp_path / "empty"), str(tmp_path / "none")])
    assert "has no metrics yet" in str(error.value)
    assert "does not exist" in str(error.value)


def test_a_metric_that_is_not_a_number_is_kept():
    metrics = computed({"actor/mu": {1: math.nan}})
    assert math.isnan(metrics["actor/mu"][1])
