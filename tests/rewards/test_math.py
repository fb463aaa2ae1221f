"""The paper's four rewards."""

import pytest
from trinity.common.rewards import REWARD_FUNCTIONS

import trinity_chord
from trinity_chord.rewards.math import MathReward

THOUGHT = "<think>\n6 * 12\n</think>\n"
CASES = {
    "correct": (THOUGHT + r"\boxed{72}", False, 1.0),
    "correct in another form": (THOUGHT + r"\boxed{\frac{144}{2}}", False, 1.0),
    "correct without thought": (r"\boxed{72}", False, 1.0),
    "correct, then cut off": (THOUGHT + r"\boxed{72} and", True, 1.0),
    "wrong but formatted": (THOUGHT + r"\boxed{71}", False, 0.0),
    "wrong without thought": (r"\boxed{71}", False, -0.1),
    "wrong with two thoughts": (THOUGHT + THOUGHT + r"\boxed{71}", False, -0.1),
    "wrong with the tags in reverse order": (r"</think><think>\boxed{71}", False, -0.1),
    "without a box": (THOUGHT + "The answer is 72.", False, -0.1),
    "an open box": (THOUGHT + r"\boxed{72", False, -0.1),
    "empty": ("", False, -0.1),
    "cut off without an answer": ("<think>\n6 * 12", True, -1.0),
    "cut off in the box": (THOUGHT + r"\boxed{7", True, -1.0),
    "cut off after a wrong answer": (THOUGHT + r"\boxed{71} and", True, 0.0),
    "cut off in a thought after a wrong answer": (r"<think>\boxed{71}", True, -0.1),
}


def reward(response: str | None, cut: bool = False, truth: str = "72", **values) -> float:
    parts = MathReward(**values)(
        response=response, truth=truth, with_think=True, info={"truncated": cut}
    )
    return sum(parts.values())


@pytest.mark.parametrize(("response", "truncated", "value"), CASES.values(), ids=CASES)
def test_the_reward_is_the_papers(response, truncated, value):
    assert reward(response, truncated) == value


def test_the_four_values_can_be_set():
    values = {"correct": 5.0, "wrong": 4.0, "unformatted": 3.0, "truncated": 2.0}
    found = [
        reward(response, cut, **values)
        for response, cut in (
            (THOUGHT + r"\boxed{72}", False),
            (THOUGHT + r"\boxed{71}", False),
            ("71", False),
            ("71", True),
        )
    ]
    assert found == [5.0, 4.0, 3.0, 2.0]


def test_the_last_box_is_the_answer():
    assert reward(THOUGHT + r"\boxed{72}, no: \boxed{71}") == 0.0


def test_the_parts_are_accuracy_format_and_truncation():
    parts = MathReward()(response="71", truth="72", info={"truncated": True})
    assert parts == {"accuracy": 0.0, "format_score": 0.0, "truncation": -1.0}


def test_without_with_think_the_format_does_not_include_thinking():
    parts = MathReward()(response=r"\boxed{71}", truth="72", with_think=False)
    assert sum(parts.values()) == 0.0


def test_unknown_truncation_counts_as_not_truncated():
    assert sum(MathReward()(response="71", truth="72").values()) == -0.1


def test_a_response_of_none_counts_as_empty():
    assert reward(None) == -0.1


def test_the_correct_answer_may_be_a_number():
    assert reward(THOUGHT + r"\boxed{72}", truth=72) == 1.0


def test_the_arguments_of_trinitys_workflows_are_accepted():
    parts = MathReward()(
        response=r"\boxed{72}",
        truth="72",
        with_think=False,
        format_score_coef=0.1,
        response_token=[1, 2],
        info={},
    )
    assert sum(parts.values()) == 1.0


def test_an_answer_that_is_not_compared_is_reported_in_info(monkeypatch):
    from trinity_chord.rewards import math
    from trinity_chord.rewards.verifier import MathVerifier

    info = {}
    with MathVerifier(timeout=0.3) as hasty:
        monkeypatch.setattr(math, "shared_verifier", lambda: hasty)
        parts = MathReward()(response=r"\boxed{9^{9^{9^9}}}", truth="72", info=info)
    assert info == {"not_verified": "timeout"}
    assert parts["accuracy"] == 0.0


def test_a_gold_answer_that_cannot_be_parsed_is_logged(caplog):
    assert reward(r"\boxed{1}", truth=r"\boxed{}") == -0.1
    assert "math_verify finds no answer in '\\\\boxed{}'" in caplog.text


@pytest.mark.parametrize("truth", [None, "", "  "])
def test_a_task_without_an_answer_is_refused(truth):
    with pytest.raises(ValueError, match=r"expected text.*format\.response_key"):
        MathReward()(response="1", truth=truth)


def test_wrong_values_are_refused_all_at_once():
    with pytest.raises(ValueError, match="MathReward") as caught:
        MathReward(correct=1.0, wrong="0", unformatted=float("nan"), truncated=2.0)
    assert caught.value.problems == [
        "`reward_fn_args.wrong`: got '0', expected a finite number",
        "`reward_fn_args.unformatted`: got nan, expected a finite number",
        "`reward_fn_args.truncated`: got 2.0, expected a number below `correct` (1.0)",
    ]


def test_trinity_finds_the_reward_by_its_dotted_path():
    assert REWARD_FUNCTIONS.get("trinity_chord.MathReward") is MathReward
    assert trinity_chord.MathReward is MathReward
