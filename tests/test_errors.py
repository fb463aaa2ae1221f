"""One base for every error, and one report of many problems."""

import ast
import builtins
from pathlib import Path

import pytest

from trinity_chord.errors import ChordConfigError, ChordError, Problems, did_you_mean

PACKAGE = Path(__file__).parents[1] / "trinity_chord"


def exception_classes():
    """Every exception class that the package defines: its name, file and bases."""
    bases = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
                bases[node.name] = (path.relative_to(PACKAGE), names)

    def is_exception(name):
        builtin = getattr(builtins, name, None)
        if isinstance(builtin, type) and issubclass(builtin, BaseException):
            return True
        return name in bases and any(is_exception(base) for base in bases[name][1])

    return {name: found for name, found in bases.items() if is_exception(name)}


def test_every_exception_descends_from_the_one_base():
    classes = exception_classes()

    def descends(name):
        return name == "ChordError" or any(map(descends, classes.get(name, ("", []))[1]))

    assert [f"{path}: {name}" for name, (path, _) in classes.items() if not descends(name)] == []


def test_the_search_for_exceptions_finds_those_of_several_rooms():
    assert {"ChordError", "ChordConfigError", "ExpertDataError"} <= set(exception_classes())


def test_a_report_numbers_its_problems_and_ends_with_the_next_step():
    error = ChordError.from_problems("The file", ["a", "b"], "Fix both.")
    assert str(error) == "The file: 2 problems\n  1. a\n  2. b\nFix both."
    assert error.problems == ["a", "b"]


def test_a_long_report_says_how_many_problems_it_leaves_out():
    error = ChordError.from_problems("The file", [str(i) for i in range(1200)], limit=1)
    assert str(error) == "The file: 1,200 problems\n  1. 0\n  ... and 1,199 more"
    assert len(error.problems) == 1200


def test_an_error_with_a_message_alone_is_its_own_problem():
    assert ChordError("wrong").problems == ["wrong"]


def test_problems_are_raised_together():
    problems = Problems()
    problems.add("a.b", 3, "a name", "add one")
    problems.add_text("`c`: missing")
    problems.add_error("d", ChordError("x; y", ["x", "y"]))
    with problems.collect():
        raise ChordConfigError("e")
    with pytest.raises(ChordConfigError) as caught:
        problems.raise_if_any("Title")
    assert caught.value.problems == [
        "`a.b`: got 3, expected a name; add one",
        "`c`: missing",
        "`d`: x",
        "`d`: y",
        "e",
    ]


def test_no_problem_raises_nothing():
    Problems().raise_if_any("Title")


def test_a_problem_concerns_its_key_and_those_above_it():
    problems = Problems()
    problems.add("a.b.c", 3, "a name")
    assert problems.concern("a.b.c")
    assert problems.concern("a.b")
    assert not problems.concern("a.b.c.d")
    assert not problems.concern("a.bb")


@pytest.mark.parametrize(
    ("name", "text"), [("mu_peek", "did you mean `mu_peak`?"), ("xyz", ""), ("", "")]
)
def test_the_nearest_known_name_is_suggested(name, text):
    assert did_you_mean(name, ["mu_peak", "mu_valley"]) == text
