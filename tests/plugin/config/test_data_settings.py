"""What `algorithm.sample_strategy_args` means, and what is refused."""

import inspect
import math
from fractions import Fraction

import pytest
from trinity.algorithm.sample_strategy.mix_sample_strategy import MixSampleStrategy

from trinity_chord.errors import Problems
from trinity_chord.plugin.config.data_settings import read_data


def read(args):
    problems = Problems()
    return read_data(args, problems), problems.lines


def test_the_defaults_are_those_of_trinitys_mix():
    settings, lines = read({})
    assert lines == []
    assert settings.share == Fraction(1, 2) == Fraction(str(0.5))
    assert settings.sets == {"sft_dataset": 1.0}
    assert MixSampleStrategy.default_args() == {
        "expert_data_ratio": 0.5,
        "sft_dataset_name": "sft_dataset",
    }
    assert "expert_data_ratio" in inspect.getsource(MixSampleStrategy.__init__)


def test_keys_of_trinitys_mix_keep_their_meaning():
    settings, lines = read({"expert_data_ratio": 0.2, "sft_dataset_name": "worked"})
    assert lines == []
    assert (settings.share, settings.expert_rows) == (Fraction(1, 5), None)
    assert settings.sets == {"worked": 1.0}


def test_a_row_count_alone_sets_no_share():
    settings, _ = read({"expert_rows": 16})
    assert (settings.share, settings.expert_rows) == (None, 16)


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        ({"expert_data_ratio": 0}, False),
        ({"expert_rows": 0}, False),
        ({"expert_data_ratio": 1}, True),
        ({"expert_rows": 4}, True),
        ({}, True),
    ],
)
def test_whether_there_are_expert_rows(args, wanted):
    assert read(args)[0].wants_experts is wanted


def test_several_sets_have_shares():
    settings, lines = read({"expert_sets": {"math": 3, "tools": 1}})
    assert lines == []
    assert settings.sets == {"math": 3, "tools": 1}


def test_what_happens_to_the_rows_can_be_chosen():
    settings, lines = read({"expert_seed": 7, "expert_at_end": "stop", "expert_overlong": "cut"})
    assert lines == []
    assert (settings.seed, settings.at_end, settings.overlong) == (7, "stop", "cut")
    defaults, _ = read({})
    assert (defaults.seed, defaults.at_end, defaults.overlong) == (42, "cycle", "drop")


@pytest.mark.parametrize(
    ("args", "texts"),
    [
        ({"expert_ratio": 0.2}, ["sample_strategy_args.expert_ratio`", "did you mean `expert_"]),
        ({"expert_data_ratio": -0.1}, ["expert_data_ratio`", "-0.1", "[0, 1]"]),
        ({"expert_data_ratio": 1.5}, ["1.5", "[0, 1]"]),
        ({"expert_data_ratio": "half"}, ["'half'", "expected a number in [0, 1]"]),
        ({"expert_data_ratio": True}, ["got True", "expected a number in [0, 1]"]),
        ({"expert_data_ratio": math.inf}, ["got inf", "expected a number in [0, 1]"]),
        ({"expert_data_ratio": [0.5]}, ["got [0.5]", "expected a number in [0, 1]"]),
        ({"expert_data_ratio": math.nan}, ["nan"]),
        ({"expert_rows": -1}, ["expert_rows`: got -1, expected a whole number"]),
        ({"expert_rows": 1.5}, ["expert_rows`: got 1.5"]),
        ({"expert_rows": True}, ["expert_rows`: got True"]),
        ({"expert_sets": {}}, ["expert_sets`: got {}"]),
        ({"expert_sets": ["math"]}, ["got ['math']", "a mapping of names"]),
        ({"expert_sets": {"math": 0}}, ["expert_sets.math`: got 0, expected a number above 0"]),
        ({"expert_sets": {"math": math.inf}}, ["expert_sets.math`: got inf"]),
        (
            {"expert_sets": {"a": 1}, "sft_dataset_name": "a"},
            ["expected no value, because `expert_sets`"],
        ),
        ({"expert_seed": -1}, ["expert_seed`: got -1"]),
        ({"expert_at_end": "halt"}, ["expert_at_end`: got 'halt'", "'cycle'"]),
        ({"expert_overlong": "trim"}, ["expert_overlong`: got 'trim'", "'cut'"]),
    ],
)
def test_each_problem_is_reported_once_with_what_was_expected(args, texts):
    _, lines = read(args)
    assert len(lines) == 1
    for text in texts:
        assert text in lines[0]


def test_all_problems_are_reported_at_once():
    _, lines = read({"expert_rows": -1, "expert_seed": "x", "expert_at_end": "halt"})
    assert len(lines) == 3
