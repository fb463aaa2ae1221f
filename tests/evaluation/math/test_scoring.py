"""Letters of choices, and figures computed by hand."""

import pytest

from trinity_chord.evaluation.math.benchmarks import BENCHMARKS, Problem
from trinity_chord.evaluation.math.report import figures, notes
from trinity_chord.evaluation.math.scoring import Answer, Scored, letter_of, score
from trinity_chord.rewards.verifier import MathVerifier, Verdict


@pytest.mark.parametrize(
    ("boxed", "letter"),
    [
        ("C", "C"),
        ("c", "C"),
        (" C ", "C"),
        ("(C)", "C"),
        ("C.", "C"),
        ("C. 7", "C"),
        ("C: 7", "C"),
        ("(C) 7", "C"),
        (r"\text{C}", "C"),
        (r"\textbf{(C)}", "C"),
        (r"\mathrm{C}", "C"),
        (r"\text{C. } 7", "C"),
        ("7", None),
        ("CD", None),
        ("Cat", None),
        ("C,D", None),
        ("A or B", None),
        ("", None),
        (r"\frac{C}{D}", None),
    ],
)
def test_the_letter_of_a_box(boxed, letter):
    assert letter_of(boxed) == letter


@pytest.mark.parametrize(
    ("name", "gold", "response", "correct"),
    [
        ("mmlu-pro", "C", r"\boxed{C}", True),
        ("mmlu-pro", "C", r"\boxed{A}, no: \boxed{C}", True),
        ("mmlu-pro", "C", r"\boxed{B}", False),
        ("mmlu-pro", "C", "C", False),
        ("aime24", "025", r"\boxed{25}", True),
        ("aime24", "025", "The answer is 25.", True),
        ("aime24", "025", r"\boxed{C}", False),
        ("amc23", "27.0", r"\boxed{27}", True),
    ],
)
def test_an_answer_is_correct_by_letter_or_by_math_verify(name, gold, response, correct):
    calls = []
    with MathVerifier(timeout=60) as verifier:
        answer = Answer(Problem("0", "?", gold), 0, response, {})
        (scored,) = score(BENCHMARKS[name], [answer], verifier, lambda: calls.append(1))
    assert scored.verdict == Verdict(correct)
    assert scored.boxed == ("boxed" in response)
    assert calls == [1]


def scored(problem: str, *correct: bool, category=None, **extra) -> list[Scored]:
    of = Problem(problem, "?", "1", category)
    return [
        Scored(Answer(of, i, "", dict(extra)), Verdict(each), boxed=each)
        for i, each in enumerate(correct)
    ]


def test_figures_of_two_problems_by_hand():
    found = figures(
        [*scored("a", True, False, False, False), *scored("b", True, True, True, True)], 2, seed=0
    )
    assert found["avg"] == pytest.approx((1 / 4 + 1) / 2)
    assert found["k"] == 4
    assert {j: each["value"] for j, each in found["pass"].items()} == pytest.approx(
        {"1": 0.625, "2": (1 / 2 + 1) / 2, "4": 1.0}
    )
    assert found["interval"] == (0.25, 1.0)
    assert found["boxed"] == 5 / 8


def test_problems_weigh_the_same_whatever_their_number_of_answers():
    found = figures([*scored("a", True), *scored("b", False, False, False)], 3, seed=0)
    assert (found["avg"], found["k"], found["problems"], found["of"]) == (0.5, 1, 2, 3)
    assert notes({"amc23": found}) == [
        "AMC23: 2 of 3 problems have an answer; the others do not count.",
        "AMC23: some problems have more than 1 answers.",
    ]


def test_truncated_and_unverified_answers_are_noted():
    cut = scored("a", False, False, truncated=True, tokens=10)
    answer = scored("b", False)[0].answer
    hung = [Scored(answer, Verdict(False, "timeout"), boxed=True)] * 2
    found = figures([*cut, *hung], 2, seed=0)
    assert (found["truncated"], found["tokens"]) == (1.0, 10)
    assert found["not_verified"] == {"timeout": 2}
    assert notes({"amc23": found}) == [
        "AMC23: 100.0 % of the answers were cut off.",
        "AMC23: not compared, and counted as wrong: 2 timeout.",
    ]


def test_categories_are_averaged_separately():
    found = figures(
        [
            *scored("a", True, category="math"),
            *scored("b", False, category="math"),
            *scored("c", True, category="law"),
        ],
        3,
        seed=0,
    )
    assert found["categories"] == {"law": 1.0, "math": 0.5}
