"""The vocabulary check finds what it lists, where people read it, and nothing else."""

import pytest

from tools.phrases import PHRASES
from tools.vocabulary import ROOT as REPOSITORY
from tools.vocabulary import find, is_checked, prose_of

SOURCE = '''"""Cannot be had.

Goes
on."""
told = f"{told} is foreign {told}"  # made
# anew, a line a
# step
label = "as good " "as not"


def test_it_tells():
    beside = ("it", "shall")
'''


def found(source, suffix=".py", is_test=False):
    """The findings as (line, text)."""
    return [(line, text) for line, text, _ in find(prose_of(source, suffix, is_test))]


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.example)
def test_each_pattern_finds_its_example(phrase):
    assert phrase.pattern.search(phrase.example)


@pytest.mark.parametrize(
    "text",
    [
        "There is no GPU, and there are none of them here.",
        "The value is None.",
        "It moves on to the next row, and goes on to the page.",
        "Which rows a batch gets is decided there.",
        "1 where p ≥ t, else 0; it works without one.",
        "Recommended: amend the due date.",
        "The module where it is defined is no longer used.",
        "It stands in for a queue and takes the stand-in's place.",
        "The bias lies in [0, 1] due to rounding.",
        "The engine tells the two cases apart, which is no proof.",
    ],
)
def test_plain_english_passes(text):
    assert found(text, ".md") == []


def test_docstrings_comments_and_literals_are_searched_across_lines():
    assert found(SOURCE) == [
        (1, "be had"),
        (3, "Goes on"),
        (5, "foreign"),
        (6, "anew"),
        (6, "line a step"),
        (8, "as good as not"),
        (12, "shall"),
    ]


def test_in_tests_literals_are_data_and_names_are_prose():
    assert found(SOURCE, is_test=True) == [
        (1, "be had"),
        (3, "Goes on"),
        (6, "anew"),
        (6, "line a step"),
        (11, "tells"),
    ]


def test_inline_code_is_left_alone():
    assert found("The key `told` and ``shall``, not shall.", ".md") == [(1, "shall")]


def test_comments_of_a_configuration_are_searched_across_lines():
    assert found("a: 1 # one\n# rollouts a\n# prompt\nb: 2\n", ".yaml") == [
        (2, "rollouts a prompt")
    ]


@pytest.mark.parametrize(
    ("path", "checked"),
    [
        ("trinity_chord/cli.py", True),
        ("docs/objective.md", True),
        ("Makefile", True),
        ("configs/mix_chord.yaml", True),
        ("tests/conftest.py", True),
        ("tests/e2e/mix_chord.yaml", False),
        ("tools/phrases.py", False),
        ("LICENSE", False),
    ],
)
def test_what_is_checked(path, checked):
    assert is_checked(REPOSITORY / path) == checked
