"""The registry that every kind of rule shares, and the domains of arguments."""

import pytest
import torch

from trinity_chord.errors import ChordError
from trinity_chord.objective import GATES, ROW_WEIGHTS, SCHEDULES, TOKEN_WEIGHTS
from trinity_chord.objective.ranges import (
    FINITE,
    FRACTION,
    NON_NEGATIVE,
    OPTIONAL_FINITE,
    POSITIVE,
    POSITIVE_FRACTION,
    STEPS,
    Choice,
    Range,
)

REGISTRIES = [TOKEN_WEIGHTS, ROW_WEIGHTS, GATES, SCHEDULES]


def half(logprob, *, times, of=1.0):
    return torch.full_like(logprob, times * of / 2)


@pytest.mark.parametrize("registry", REGISTRIES)
def test_every_rule_has_a_formula_a_source_and_a_domain_for_each_argument(registry):
    for rule in registry.values():
        assert rule.formula
        assert rule.source
        assert set(rule.accepts) == set(rule.defaults)


@pytest.mark.parametrize("registry", REGISTRIES)
def test_an_unknown_name_is_refused_in_the_same_words(registry):
    with pytest.raises(ChordError, match=rf"unknown {registry.kind} 'nonesuch': expected one of"):
        registry.bind("nonesuch")


@pytest.mark.parametrize("registry", REGISTRIES)
def test_a_dotted_path_is_refused_in_the_same_words(registry):
    with pytest.raises(ChordError, match=rf"{registry.kind} 'no\.where' cannot be imported"):
        registry.bind("no.where")


def test_every_problem_of_the_arguments_is_listed():
    with pytest.raises(ChordError) as error:
        TOKEN_WEIGHTS.bind(half, by=1)
    assert error.value.problems == [
        "token weight 'half': got the arguments ['by'], expected ['of', 'times']",
        "token weight 'half': times: got nothing, expected a value",
    ]


def test_a_bound_rule_can_be_bound_again():
    bound = TOKEN_WEIGHTS.bind(half, times=1.0)
    assert TOKEN_WEIGHTS.bind(bound, of=3.0)(torch.zeros(1)).tolist() == [1.5]


def test_a_function_without_a_readable_signature_is_refused():
    with pytest.raises(ChordError, match="its signature cannot be read"):
        TOKEN_WEIGHTS.bind("torch.exp")


@pytest.mark.parametrize(
    ("domain", "inside", "outside", "text"),
    [
        (FINITE, [-1, 0.5], [float("inf"), None, "1", True], "a finite number"),
        (OPTIONAL_FINITE, [None, 1], [float("nan"), "1"], "a finite number or None"),
        (POSITIVE, [0.1], [0, -1], "a number above 0"),
        (NON_NEGATIVE, [0, 3], [-0.1], "a number of at least 0"),
        (FRACTION, [0, 1, 0.5], [-0.1, 1.1], "a number in [0, 1]"),
        (POSITIVE_FRACTION, [1, 0.5], [0, 1.1], "a number in (0, 1]"),
        (STEPS, [0, 7, 7.0], [-1, 0.5], "a whole number of at least 0"),
        (Range(high=0), [0, -1], [1], "a number of at most 0"),
        (Choice(("a", "b")), ["a"], ["c", 1], "one of 'a', 'b'"),
    ],
)
def test_a_domain_holds_what_it_says(domain, inside, outside, text):
    assert [domain.problem("x", value) for value in inside] == [None] * len(inside)
    for value in outside:
        assert domain.problem("x", value) == f"x: got {value!r}, expected {text}"
