"""What pairing, gate and quality mean in `algorithm.sample_strategy_args`, and what is refused."""

import pytest
import yaml

from tests.plugin.config.test_data_settings import read
from trinity_chord.plugin.contract import Pairing, RowSettings


def test_without_keys_there_is_neither_pairing_nor_gate_nor_quality():
    settings, lines = read({})
    assert lines == []
    assert not settings.rows.active
    assert settings.quality == {}


def test_pairing_by_task_index():
    settings, lines = read({"expert_pairing": "task_index"})
    assert lines == []
    assert settings.rows == RowSettings(Pairing(None, None), "error", "all", {})
    assert settings.rows.active


def test_pairing_by_columns():
    settings, lines = read(
        {"expert_pairing": {"expert_key": "problem_id", "task_key": "id"}, "unpaired": "skip"}
    )
    assert lines == []
    assert settings.rows.pairing == Pairing("problem_id", "id")
    assert settings.rows.unpaired == "skip"


def test_a_gate_takes_its_defaults_and_arguments():
    pairing = {"expert_pairing": "task_index"}
    settings, lines = read({**pairing, "gate": "hpt"})
    assert (lines, settings.rows.gate_args) == ([], {"threshold": 0.0})
    settings, _ = read({**pairing, "gate": "hpt", "gate_args": {"threshold": 0.25}})
    assert settings.rows.gate_args == {"threshold": 0.25}


def test_a_gate_needs_no_pairing_if_any_expert_row_will_do():
    settings, lines = read({"gate": "superrl", "unpaired": "random"})
    assert lines == []
    assert (settings.rows.pairing, settings.rows.active) == (None, True)


def test_quality_is_read_for_each_set():
    quality = {"a": {"key": "score"}, "b": {"key": "score", "percentiles": [50]}}
    settings, lines = read({"expert_sets": {"a": 1, "b": 1}, "expert_quality": quality})
    assert (lines, settings.quality) == ([], quality)


def test_settings_survive_yaml():
    settings, _ = read({"expert_pairing": {"expert_key": "a", "task_key": "b"}, "gate": "relift"})
    written = yaml.safe_dump(settings.rows.to_args())
    assert RowSettings.from_args(yaml.safe_load(written)) == settings.rows


BY_INDEX = {"expert_pairing": "task_index"}


@pytest.mark.parametrize(
    ("args", "texts"),
    [
        (
            {"expert_pairing": "id"},
            ["expert_pairing`: got 'id'", "'task_index'", "`task_key`"],
        ),
        (
            {"expert_pairing": {"expert_key": "id"}},
            ["expert_pairing.task_key`: got None, expected the name of a column"],
        ),
        (
            {"expert_pairing": {"expert_key": "id", "task_key": 3}},
            ["expert_pairing.task_key`: got 3"],
        ),
        (
            {"expert_pairing": {"expert_key": "id", "task_key": "id", "key": "id"}},
            ["expert_pairing.key`: got 'id', expected one of the keys"],
        ),
        ({**BY_INDEX, "unpaired": "drop"}, ["unpaired`: got 'drop'", "'random'", "'skip'"]),
        ({"unpaired": "skip"}, ["unpaired`: got 'skip', expected no value, because"]),
        ({**BY_INDEX, "gate": "htp"}, ["gate`: unknown gate 'htp'", "did you mean 'hpt'"]),
        (
            {**BY_INDEX, "gate": "hpt", "gate_args": {"gamma": 0}},
            ["got the arguments ['gamma'], expected ['threshold']"],
        ),
        (
            {**BY_INDEX, "gate": "hpt", "gate_args": {"threshold": "0"}},
            ["threshold: got '0', expected a finite"],
        ),
        (
            {**BY_INDEX, "gate": "hpt", "gate_args": 0.5},
            ["gate_args`: got 0.5, expected a mapping"],
        ),
        (
            {"gate": "hpt"},
            ["expert_pairing`: got None", "the gate 'hpt' gives", "unpaired: random`"],
        ),
        ({"gate": "hpt", "unpaired": "skip"}, ["expert_pairing`: got None"]),
        ({"expert_quality": "score"}, ["expert_quality`: got 'score', expected a mapping"]),
        ({"expert_quality": {"math": {"key": "s"}}}, ["expert_quality.math`", "`sft_dataset`"]),
        (
            {"expert_quality": {"sft_dataset": {"percentiles": [50]}}},
            ["expert_quality.sft_dataset.key`: got None, expected the name of a column"],
        ),
        (
            {"expert_quality": {"sft_dataset": "score"}},
            ["got 'score', expected a mapping with the keys `key`, `percentiles`"],
        ),
        (
            {"expert_quality": {"sft_dataset": {"key": "s", "percentiles": [100]}}},
            ["expert_quality.sft_dataset`: `percentiles`: got [100.0]", "[0, 100)"],
        ),
    ],
)
def test_each_problem_is_reported_once_with_what_was_expected(args, texts):
    _, lines = read(args)
    assert len(lines) == 1, lines
    for text in texts:
        assert text in lines[0]
