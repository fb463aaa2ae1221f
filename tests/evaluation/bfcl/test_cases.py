from collections import Counter

import pytest

from trinity_chord.evaluation.bfcl.cases import choose, load_cases
from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.prompts import tool_messages

COUNTS = {
    "simple_python": 400,
    "multiple": 200,
    "parallel": 200,
    "parallel_multiple": 200,
    "live_simple": 258,
    "live_multiple": 1053,
    "live_parallel": 16,
    "live_parallel_multiple": 24,
}


def test_the_eight_categories_have_2351_cases(cases):
    assert Counter(case.category for case in cases) == COUNTS
    assert len({case.id for case in cases}) == 2351


def test_a_limit_takes_the_first_cases_of_each_category(cases):
    some = choose(cases, ("live_parallel", "parallel"), 2)
    ids = ["parallel_0", "parallel_1", "live_parallel_0-0-0", "live_parallel_1-0-1"]
    assert [case.id for case in some] == ids


@pytest.mark.parametrize("categories", [("simple", "parallel"), ()])
def test_unknown_categories_are_refused_with_the_list_of_categories(categories, cases):
    with pytest.raises(EvaluationError, match=r"got (simple|none), expected some of .*live_s"):
        choose(cases, categories, None)


def test_a_damaged_installation_is_reported(tmp_path, package, official):
    (tmp_path / "bfcl_eval" / "data").mkdir(parents=True)
    broken = type(package)(tmp_path, "2026.3.23", None)
    with pytest.raises(EvaluationError, match=r"BFCL_v4_simple_python\.json.*Reinstall bfcl-eval"):
        load_cases(broken, official)


def test_the_prompt_of_every_case_has_its_functions_and_its_question(cases):
    for case in cases:
        system, *rest = tool_messages(case.as_task())
        assert all(
            f'"name": "{function["name"]}"' in system["content"] for function in case.functions
        )
        assert rest == case.messages
        assert rest[-1]["role"] == "user"


def test_the_role_comes_before_the_tools(cases):
    system = tool_messages(cases[0].as_task())[0]["content"]
    assert system.startswith("You are an expert in composing functions. You are given a question")
    assert "point it out.\n\n# Tool" in system


def test_the_system_text_of_a_case_comes_between_the_role_and_the_tools(cases):
    case = next(case for case in cases if case.id == "live_simple_183-108-0")
    system = tool_messages(case.as_task())[0]["content"]
    own = "Please act like the current date is 2024/02/21"
    assert f"point it out.\n\n{own}\n\n# Tool" in system
    assert "system" not in {m["role"] for c in cases for m in c.messages}


def test_functions_have_the_leaderboards_descriptions(cases):
    first = cases[0].functions[0]["description"]
    assert first == (
        "Calculate the area of a triangle given its base and height. "
        "Note that the provided function is in Python 3 syntax."
    )
