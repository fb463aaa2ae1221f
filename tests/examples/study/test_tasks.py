import random

import pytest

from examples.study.registry import TASKS, make_task
from examples.study.tasks import POOLS, pool_of, with_slip, wrong_answer

N = 60


@pytest.fixture(params=sorted(TASKS))
def task(request):
    return make_task(request.param)


def test_the_scorer_accepts_both_styles_of_every_problem(task):
    for problem in [*task.draw("train", N, 0), *task.draw("test", N, 0, task.far_levels)]:
        assert task.reward(problem, problem.short, ended=True) == 1.0
        assert task.reward(problem, problem.worked, ended=True) == 1.0


def test_the_characters_cover_prompts_and_answers(task):
    problems = task.draw("expert", N, 0)
    assert set("".join(p.prompt + p.worked for p in problems)) <= set(task.characters)


def test_every_worked_answer_fits_the_longest_response(task):
    problems = [*task.draw("test", N, 0), *task.draw("test", N, 0, task.far_levels)]
    assert max(len(p.worked) for p in problems) < task.max_tokens


def test_an_answer_that_does_not_end_or_has_no_result_costs_a_tenth(task):
    problem = task.draw("train", 1, 0)[0]
    assert task.reward(problem, problem.short, ended=False) == -0.1
    assert task.reward(problem, problem.short.replace("#", ""), ended=True) == -0.1


def test_a_wrong_answer_is_wrong_and_keeps_its_steps(task):
    rng = random.Random(0)
    for problem in task.draw("expert", N, 0):
        wrong = wrong_answer(task, problem, rng)
        assert task.reward(problem, wrong, ended=True) == 0.0
        assert wrong.rsplit("#", 1)[0] == problem.worked.rsplit("#", 1)[0]


def test_the_pools_of_all_seeds_share_no_problem(task):
    pools = [{p.prompt for p in task.draw(pool, N, seed)} for seed, pool in enumerate(POOLS)]
    assert sum(map(len, pools)) == len(set.union(*pools)) == N * len(POOLS)


def test_a_seed_gives_the_same_problems_again_and_another_gives_others(task):
    first = task.draw("train", N, 3)
    assert [p.prompt for p in task.draw("train", N, 3)] == [p.prompt for p in first]
    other = {p.prompt for p in task.draw("train", N, 4)}
    assert len(other & {p.prompt for p in first}) < N / 4


def test_levels_are_drawn_equally(task):
    levels = [p.level for p in task.draw("validation", 60, 0)]
    assert {levels.count(level) for level in task.levels} == {60 // len(task.levels)}


def test_too_few_problems_are_reported():
    with pytest.raises(ValueError, match="too few distinct problems"):
        make_task("chain").draw("validation", 100, 0, (2,))


def test_the_shares_of_the_pools():
    counts = [sum(pool_of(str(i)) == pool for i in range(10_000)) for pool in POOLS]
    expected = [3000, 2000, 2000, 1000, 2000]
    assert all(abs(count - each) < 150 for count, each in zip(counts, expected, strict=True))


def test_a_slip_changes_one_character_for_another_of_its_kind():
    rng = random.Random(0)
    for _ in range(100):
        slipped = with_slip("4-1=3;#ab", "0123456789-=;#abc", rng)
        changed = [(a, b) for a, b in zip("4-1=3;#ab", slipped, strict=True) if a != b]
        assert len(changed) == 1
        assert changed[0][0].isdigit() == changed[0][1].isdigit()


@pytest.mark.parametrize(
    ("result", "right"),
    [
        ("mail(n=7,to=ann)", True),
        ("mail(to=ann,n=7)", True),
        ("mail(n=8,to=ann)", False),
        ("mail(n=7,to=ann)mail(n=7,to=ann)", False),
        ("mail(n=7,to=ann", False),
        ("", False),
        ("__import__(a=1,b=2)", False),
    ],
)
def test_calls_are_judged_by_their_values_in_any_order(result, right):
    from examples.study.tasks import Problem
    from examples.study.tools import Function

    definition = Function("mail", ("n", "to")).definition
    entry = ([definition], [{"mail": {"n": [7], "to": ["ann"]}}])
    problem = Problem("mail(n,to)?mail ann 7", "", "", 1, entry)
    assert make_task("tools").is_right(problem, result) is right
