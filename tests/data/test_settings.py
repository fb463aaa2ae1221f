"""The bounds of the settings."""

from pathlib import Path

import pytest

from trinity_chord.data.errors import PrepareError
from trinity_chord.data.place import Place
from trinity_chord.data.settings import Settings


def settings(**values):
    return Settings(recipe="s1k", out=Path("out"), source=Place("x"), **({"sft": 1} | values))


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [("sft", -1, 0), ("rl", -1, 0), ("max_tokens", 0, 1), ("ngram", 0, 1)],
)
def test_a_number_out_of_bounds_is_refused(name, value, least):
    option = name.replace("_", "-")
    message = f"`--{option}`: got {value}, expected {least} or more"
    with pytest.raises(PrepareError, match=message):
        settings(**{name: value})


def test_all_problems_are_reported_at_once():
    with pytest.raises(PrepareError) as caught:
        settings(sft=0, rl=0, ngram=0)
    assert len(caught.value.problems) == 2


def test_the_sets_are_those_with_rows():
    assert settings(sft=3, rl=0).sets == ("sft",)
    assert settings(sft=3, rl=2).sets == ("sft", "rl")


def test_everything_but_the_folder_determines_the_content():
    one, other = settings(without=("cjk", "a")).as_dict(), settings(without=("a", "cjk")).as_dict()
    assert one == other
    assert "out" not in one
    assert one["recipe"] == "s1k"
