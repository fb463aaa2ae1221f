import random

import pytest

from trinity_chord.quickstart.task import (
    LEVELS,
    direct_answer,
    held_out,
    make_problem,
    make_training_problem,
    score,
    training_problems,
    worked_answer,
)


@pytest.mark.parametrize("level", LEVELS)
def test_a_problem_of_level_n_adds_two_numbers_of_n_digits(level):
    rng = random.Random(0)
    for _ in range(50):
        a, b = make_problem(rng, level).question.split("+")
        assert (len(a), len(b)) == (level, level)


def test_the_answer_is_the_sum():
    rng = random.Random(0)
    for _ in range(50):
        problem = make_problem(rng, 5)
        a, b = problem.question.split("+")
        assert int(problem.answer) == int(a) + int(b)


def test_direct_answer_is_a_hash_and_the_sum():
    assert direct_answer("57+48") == "#105"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        # 7+8 = 15: carry 1; 5+4+1 = 10: carry 1 leads the answer.
        ("57+48", "7+8+0=15;5+4+1=10;#105"),
        # 7+5 = 12; 4+8+1 = 13; 3+2+1 = 6.
        ("347+285", "7+5+0=12;4+8+1=13;3+2+1=06;#632"),
        ("0+0", "0+0+0=00;#0"),
    ],
)
def test_worked_answer_adds_column_by_column_from_the_lowest(question, answer):
    assert worked_answer(question) == answer


def test_worked_answer_without_noise_ends_in_the_sum():
    rng = random.Random(0)
    for level in LEVELS * 20:
        problem = make_problem(rng, level)
        assert score(worked_answer(problem.question), problem.answer) == 1.0


def test_noise_of_one_makes_each_column_wrong_by_one():
    # The sums would be 7+1+0 = 8 and then 5+2+carry.
    answer = worked_answer("57+21", random.Random(0), noise=1.0)
    low, high, _ = answer.split(";")
    assert low in {"7+1+0=07", "7+1+0=09"}
    assert high in {"5+2+0=06", "5+2+0=08"}


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("#105", 1.0),
        ("7+8+0=15;5+4+1=10;#105", 1.0),
        ("#7#105", 1.0),
        ("#106", 0.0),
        ("#0105", 0.0),
        ("#105;", 0.0),
        ("#", 0.0),
        ("105", -0.1),
        ("", -0.1),
    ],
)
def test_score_compares_what_follows_the_last_hash(response, expected):
    assert score(response, "105") == expected


def test_held_out_problems_are_distinct():
    assert len({problem.question for problem in held_out(500)}) == 500


def test_held_out_has_as_many_problems_of_each_level():
    levels = [problem.level for problem in held_out(500)]
    assert [levels.count(level) for level in LEVELS] == [100] * 5


def test_a_smaller_held_out_set_begins_the_larger_one():
    assert held_out(500)[:50] == held_out(50)


def test_another_seed_holds_out_other_problems():
    assert held_out(50, seed=1) != held_out(50, seed=2)


def test_held_out_refuses_more_problems_than_level_1_has():
    with pytest.raises(ValueError, match="n: got 505"):
        held_out(505)


def test_training_problems_above_level_1_are_not_held_out():
    kept_apart = {problem.question for problem in held_out()}
    drawn = training_problems(random.Random(0), 5000)
    assert not [p for p in drawn if p.level > 1 and p.question in kept_apart]


def test_a_training_problem_of_level_1_may_be_any():
    rng = random.Random(0)
    drawn = {make_training_problem(rng, 1).question for _ in range(2000)}
    assert len(drawn) == 100


def test_training_problems_above_level_1_do_not_repeat():
    questions = [p.question for p in training_problems(random.Random(0), 5000) if p.level > 1]
    assert len(questions) == len(set(questions)) == 4000
