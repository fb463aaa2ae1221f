"""Replies get the verdict of bfcl-eval's own checker, for every case and every kind of mistake.

The reference is `ast_checker`, imported as bfcl-eval ships it and called on the calls directly; the
tested code reads the calls from the text of a reply.
"""

import importlib
import sys
from collections import defaultdict
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from tests.evaluation.bfcl.gold import MUTATIONS, UNANSWERABLE, gold_calls, reply, with_first
from trinity_chord.evaluation.bfcl.cases import CATEGORIES
from trinity_chord.evaluation.bfcl.verdicts import (
    CHECKER_RAISED,
    MAX_CHARACTERS,
    NOT_DECODED,
    judge,
)

ALWAYS_WRONG = ("wrong name", "extra argument", "one call too many", "one call too few", "no call")
GARBAGE = (
    "",
    "I cannot help with that.",
    "<think>so</think> <tool_call>[{</tool_call>",
    "<think>so</think> <tool_call>5</tool_call>",
    "<think>so</think> get_weather(city='Oslo')",
)


@pytest.fixture(scope="module")
def reference(package):
    config = SimpleNamespace(MODEL_CONFIG_MAPPING=defaultdict(SimpleNamespace))
    config.MODEL_CONFIG_MAPPING["any"].underscore_to_dot = False
    with (
        patch.object(sys, "path", [*sys.path, str(package.folder)]),
        patch.dict(sys.modules, {"bfcl_eval.constants.model_config": config}),
    ):
        module = importlib.import_module("bfcl_eval.eval_checker.ast_eval.ast_checker")
        python = importlib.import_module("bfcl_eval.constants.enums").Language.PYTHON

    def check(case, calls):
        named = [{call["name"]: call["arguments"]} for call in calls]
        try:
            found = module.ast_checker(
                case.functions, named, case.answers, python, case.category, "any"
            )
        except Exception:
            return False, CHECKER_RAISED
        return found["valid"], None if found["valid"] else found["error_type"]

    return check


@pytest.mark.parametrize("kind", MUTATIONS)
@pytest.mark.parametrize("category", CATEGORIES)
def test_every_reply_gets_the_checkers_verdict(category, kind, cases, official, reference):
    differing = []
    for case in cases:
        if case.category == category:
            calls = MUTATIONS[kind](gold_calls(case))
            verdict = judge(case, reply(calls), official)
            if (verdict.valid, verdict.error_type) != reference(case, calls):
                differing.append((case.id, verdict, reference(case, calls)))
    assert differing == []


def test_correct_answers_solve_all_but_four_unanswerable_cases(cases, official):
    wrong = {c.id for c in cases if not judge(c, reply(gold_calls(c)), official).valid}
    assert wrong == UNANSWERABLE


@pytest.mark.parametrize("kind", ALWAYS_WRONG)
def test_a_wrong_reply_is_valid_for_no_case(kind, cases, official):
    valid = [c.id for c in cases if judge(c, reply(MUTATIONS[kind](gold_calls(c))), official).valid]
    assert valid == []


@pytest.mark.parametrize("kind", ["missing argument", "wrong type", "wrong value"])
def test_a_wrong_argument_is_valid_for_no_case_with_arguments(kind, cases, official):
    """No changed argument is optional, and no change gives another allowed value."""
    valid = [
        case.id
        for case in cases
        if any(call["arguments"] for call in gold_calls(case))
        and judge(case, reply(MUTATIONS[kind](gold_calls(case))), official).valid
    ]
    assert valid == []


def test_parallel_calls_are_valid_in_any_order_except_in_one_case(cases, official):
    """In parallel_178 the first answer allows two companies and so takes the call that belongs to
    another answer: the checker pairs answers and calls greedily."""
    parallel = [c for c in cases if "parallel" in c.category]
    assert len(parallel) == 440
    wrong = {c.id for c in parallel if not judge(c, reply(gold_calls(c)[::-1]), official).valid}
    assert wrong == {"parallel_178"}


def test_a_function_name_must_keep_its_dot(cases, official):
    dotted = [c for c in cases if "." in gold_calls(c)[0]["name"] and c.id not in UNANSWERABLE]
    assert len(dotted) > 500
    written = MUTATIONS["dots as underscores"]
    assert not any(judge(c, reply(written(gold_calls(c))), official).valid for c in dotted)


@pytest.mark.parametrize("text", GARBAGE)
def test_a_reply_without_calls_is_wrong_and_not_decoded(text, cases, official):
    verdicts = [judge(case, text, official) for case in cases[::50]]
    assert {(v.valid, v.error_type, v.calls) for v in verdicts} == {(False, NOT_DECODED, None)}


def test_the_think_block_does_not_count(cases, official):
    case = cases[0]
    text = reply(gold_calls(case)).replace("<think>so</think>", "")
    assert judge(case, text, official).valid


def test_a_reply_that_makes_the_checker_raise_is_wrong_with_its_error(cases, official):
    """For a float of 400 digits, bfcl-eval itself would stop with an OverflowError."""
    case = next(c for c in cases if c.id == "parallel_multiple_12")
    calls = gold_calls(case)
    huge = with_first(calls, lambda arguments, name: arguments.update({name: 10**400}))
    verdict = judge(case, reply(huge), official)
    assert (verdict.valid, verdict.error_type) == (False, CHECKER_RAISED)
    assert "OverflowError" in verdict.error


def test_the_error_text_is_bounded(cases, official):
    case = cases[0]
    long = with_first(gold_calls(case), lambda a, name: a.update({name: "x" * 1_000_000}))
    assert len(judge(case, reply(long), official).error) == MAX_CHARACTERS + 1
