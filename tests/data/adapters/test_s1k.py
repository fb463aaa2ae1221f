"""s1K-1.1: the two sets."""

import pytest

from tests.data.sources import s1k_row
from trinity_chord.data.adapters.s1k import answer_of
from trinity_chord.data.errors import PrepareError


def rows(count, **changes):
    return [s1k_row(number, **changes) for number in range(count)]


def test_the_answer_is_the_thought_in_think_tags_then_the_attempt(make):
    (row,) = make("s1k", rows(1), sft=1, rl=0).rows("sft")
    expected = "<think>\nf(0) is one more.\n</think>\n\n**Answer** \\boxed{1}"
    assert row["messages"][-1] == {"role": "assistant", "content": expected}
    assert row["messages"][1]["content"] == s1k_row(0)["question"]


def test_rl_rows_are_those_with_an_integer_answer(make):
    worded = [s1k_row(10, solution="See the figure."), s1k_row(11, solution="so \\boxed{1/2}")]
    made = make("s1k", [*rows(3), *worded], sft=0, rl=9)
    assert {row["answer"] for row in made.rows("rl")} == {"1", "2", "3"}
    assert made.dropped() == {"answer": 1, "integer-answer": 1}


def test_rows_graded_as_wrong_are_dropped(make):
    made = make("s1k", [*rows(3), s1k_row(9, deepseek_grade="No")], sft=9, rl=0)
    assert made.dropped("sft") == {"verified": 1}


def test_a_row_without_a_thought_is_counted(make):
    made = make("s1k", [*rows(2), s1k_row(9, deepseek_thinking_trajectory=None)], sft=9, rl=0)
    assert made.dropped("sft") == {"empty": 1}


def test_the_error_for_a_source_without_grades_names_the_option(make):
    ungraded = rows(3)
    for row in ungraded:
        del row["deepseek_grade"]
    with pytest.raises(PrepareError, match=r"deepseek_grade .*--without verified"):
        make("s1k", ungraded, sft=1, rl=1)
    assert len(make("s1k", ungraded, sft=1, rl=1, without=("verified",)).rows("rl")) == 1


@pytest.mark.parametrize(
    ("answer", "solution", "expected"),
    [
        ("42", "so \\boxed{7}", "42"),
        (42, "", "42"),
        (None, "first \\boxed{1}, then \\boxed{\\frac{1}{2}}.", "\\frac{1}{2}"),
        ("", " 128 ", "128"),
        (None, "The answer is 3", ""),
        (None, "cut off \\boxed{1", ""),
        (None, "", ""),
    ],
)
def test_the_final_answer_of_a_row(answer, solution, expected):
    assert answer_of(answer, solution) == expected
