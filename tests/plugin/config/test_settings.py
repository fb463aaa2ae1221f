"""How a section of the configuration is read, and how its problems are worded."""

import math
from typing import Annotated, Literal

import pytest
from pydantic import Field

from trinity_chord.errors import Problems
from trinity_chord.plugin.config.objective_args import ObjectiveArgs
from trinity_chord.plugin.config.sample_args import SampleArgs
from trinity_chord.plugin.config.schema import describe, part_of, schema_of
from trinity_chord.plugin.config.settings import (
    Column,
    Flag,
    Name,
    NonNegative,
    Number,
    OneOf,
    Positive,
    Settings,
    UnitInterval,
    Whole,
    read_settings,
)


class Inner(Settings):
    column: Column


class Section(Settings):
    flag: Flag = True
    number: Number = 0.0
    share: UnitInterval = 0.5
    rest: NonNegative = 0.0
    factor: Positive = 1.0
    above_one: Annotated[Number, Field(gt=1)] = 3.0
    count: Whole | None = None
    word: Annotated[str, OneOf(("drop", "cut"))] = "drop"
    name: Name = "a"
    anything: dict[str, object] = Field(default={})
    shares: dict[Name, Positive] = Field(default={})
    inner: Inner | Literal["none"] | None = None
    many: list[Inner] = Field(default=[])


def read(values):
    problems = Problems()
    return read_settings(Section, "section", values, problems), problems.lines


@pytest.mark.parametrize("values", [None, {}, {"count": None, "word": None}])
def test_a_key_that_is_null_or_absent_has_its_default(values):
    settings, lines = read(values)
    assert lines == []
    assert settings == Section()
    assert not settings.has("count")


def test_given_keys_are_known_from_defaults():
    settings, _ = read({"share": 0.5})
    assert settings.has("share")
    assert not settings.has("number")


@pytest.mark.parametrize("value", [3, 3.0])
def test_a_whole_number_may_be_written_with_a_decimal_point(value):
    settings, lines = read({"count": value})
    assert (settings.count, lines) == (3, [])


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"flag": 1}, "`section.flag`: got 1, expected true or false"),
        ({"number": "1"}, "`section.number`: got '1', expected a number"),
        ({"number": True}, "`section.number`: got True, expected a number"),
        ({"number": math.nan}, "`section.number`: got nan, expected a number"),
        ({"number": math.inf}, "`section.number`: got inf, expected a number"),
        ({"share": 1.5}, "`section.share`: got 1.5, expected a number in [0, 1]"),
        ({"rest": -1}, "`section.rest`: got -1, expected a number of at least 0"),
        ({"factor": 0}, "`section.factor`: got 0, expected a number above 0"),
        ({"above_one": 1}, "`section.above_one`: got 1, expected a number above 1"),
        ({"count": 1.5}, "`section.count`: got 1.5, expected a whole number of at least 0"),
        ({"count": -1}, "`section.count`: got -1, expected a whole number of at least 0"),
        ({"word": "trim"}, "`section.word`: got 'trim', expected one of 'drop', 'cut'"),
        ({"name": ""}, "`section.name`: got '', expected a name"),
        ({"name": 3}, "`section.name`: got 3, expected a name"),
        ({"anything": {1: 2}}, "`section.anything`: got {1: 2}, expected a mapping of names"),
        ({"shares": {"a": 0}}, "`section.shares.a`: got 0, expected a number above 0"),
        ({"shares": 3}, "got 3, expected a mapping of names; each value: a number above 0"),
        ({"inner": {}}, "`section.inner.column`: got None, expected the name of a column"),
        ({"many": [{"column": 1}]}, "`section.many.0.column`: got 1, expected the name of a col"),
        ({"many": 1}, "got 1, expected a list; each item: a mapping with the keys `column`"),
        ({"shar": 1}, "`section.shar`: got 1, expected a key that exists; did you mean `share"),
        ({"xyz": None}, "`section.xyz`: got None, expected one of the keys `flag`, `number`"),
        ({"inner": {"column": "a", "xyz": 1}}, "`section.inner.xyz`: got 1, expected one of the"),
        (3, "`section`: got 3, expected a mapping of names to values"),
        ({1: 2}, "`section`: got {1: 2}, expected a mapping of names to values"),
    ],
)
def test_a_problem_names_the_key_what_was_found_and_what_was_expected(values, line):
    _, (found, *_) = read(values)
    assert line in found


def test_every_wrong_key_is_reported_and_counts_as_not_given():
    settings, lines = read({"share": 2, "factor": -1, "count": 3})
    assert len(lines) == 2
    assert settings == Section(count=3)


@pytest.mark.parametrize("model", [ObjectiveArgs, SampleArgs])
def test_every_key_has_a_description_and_says_what_fits_it(model):
    schema = schema_of(model)
    for key, part in schema["properties"].items():
        assert part["description"].endswith((".", "`.", ")."))
        assert "any value" not in describe(part_of(schema, [key]))
