"""OpenR1-Math-220k: the two sets, and each step with its count."""

import pytest

from tests.data.sources import OPENR1_FEATURES, openr1_row, write_rows
from trinity_chord.data.errors import PrepareError
from trinity_chord.prompts import MATH_SYSTEM_PROMPT

ALL = {"sft": 0, "rl": 100}


def rows(count, **changes):
    return [openr1_row(number, **changes) for number in range(count)]


def test_rl_rows_hold_problem_and_answer(make):
    made = make("openr1-math", rows(10), **ALL)
    expected = {(r["problem"], r["answer"], r["uuid"]) for r in rows(10)}
    assert {(r["problem"], r["answer"], r["id"]) for r in made.rows("rl")} == expected


def test_sft_rows_are_chats_with_the_system_prompt_of_rl(make):
    made = make("openr1-math", rows(10), sft=10, rl=0)
    by_problem = {row["problem"]: row["generations"] for row in rows(10)}
    for row in made.rows("sft"):
        system, user, assistant = row["messages"]
        assert system == {"role": "system", "content": MATH_SYSTEM_PROMPT}
        assert user == {"role": "user", "content": row["problem"]}
        assert assistant["role"] == "assistant"
        assert assistant["content"] in by_problem[row["problem"]]
    assert len(made.rows("sft")) == 10


def test_the_sets_share_no_problem_even_if_case_and_spaces_differ(make):
    again = [openr1_row(n, problem=openr1_row(n)["problem"].upper() + " ") for n in range(10)]
    made = make("openr1-math", rows(10) + again, sft=5, rl=20, without=("duplicate",))
    sft, rl = ({r["problem"].lower().strip() for r in made.rows(n)} for n in ("sft", "rl"))
    assert not sft & rl
    assert made.dropped()["in-sft"] == 20 - len(made.rows("rl")) > 5


def test_problems_that_differ_in_a_sign_are_different(make):
    two = [openr1_row(0, problem="Compute 2+3."), openr1_row(1, problem="Compute 2-3.")]
    assert len(make("openr1-math", two, **ALL).rows("rl")) == 2


# What is wrong with row 1 of 4, the step that drops it, the sets it is dropped from.
STEPS = [
    ({"problem": "求 $x$ 的值"}, "cjk", "both"),
    ({"correctness_math_verify": [False, False]}, "verified", "both"),
    ({"generations": ["x" * 50, "y" * 50]}, "length", "both"),
    ({"problem": "let $N = 0$. how many  pairs $(a, b)$ have $a^2 + b = n$?"}, "duplicate", "both"),
    ({"answer": "\\frac{1}{2}"}, "integer-answer", "rl"),
    ({"correctness_math_verify": [True, False]}, "two-generations", "rl"),
]
SHORT = ["a" * 9, "b" * 10]


@pytest.fixture
def one_bad():
    def four(changes):
        short = {"generations": SHORT}
        return [openr1_row(n, **short | (changes if n == 1 else {})) for n in range(4)]

    return four


@pytest.mark.parametrize(("changes", "step", "sets"), STEPS, ids=lambda value: str(value)[:24])
def test_a_step_drops_and_counts_its_rows(make, one_bad, changes, step, sets):
    rl = make("openr1-math", one_bad(changes), sft=0, rl=9, max_tokens=10)
    assert rl.dropped() == {step: 1}
    (counted,) = [s for s in steps_of(rl) if s["step"] == step]
    assert (counted["in"], counted["out"], counted["first_rows_dropped"]) == (4, 3, [1])
    assert len(rl.rows("rl")) == 3
    sft = make("openr1-math", one_bad(changes), sft=9, rl=0, max_tokens=10, out=rl.folder / "2")
    assert len(sft.rows("sft")) == (3 if sets == "both" else 4)


@pytest.mark.parametrize(("changes", "step", "sets"), STEPS, ids=lambda value: str(value)[:24])
def test_a_step_can_be_left_out(make, one_bad, changes, step, sets):
    made = make("openr1-math", one_bad(changes), **ALL, max_tokens=10, without=(step,))
    assert made.dropped() == {}
    assert len(made.rows("rl")) == 4
    assert step not in [s["step"] for s in steps_of(made)]


def steps_of(made):
    (filters,) = made.manifest["filters"]
    return [*filters["steps"], *filters["own_steps"]["rl"]]


@pytest.mark.parametrize("answer", [None, "", "  "])
def test_a_row_without_an_answer_is_kept_for_sft_only(make, answer):
    source = [openr1_row(0, answer=answer), *rows(3)[1:]]
    made = make("openr1-math", source, **ALL)
    assert made.dropped() == {"answer": 1}
    assert len(make("openr1-math", source, sft=9, rl=0, out=made.folder / "2").rows("sft")) == 3


@pytest.mark.parametrize(
    "changes", [{"problem": None}, {"problem": " "}, {"generations": None}, {"generations": []}]
)
def test_a_row_without_problem_or_generation_is_counted(make, changes):
    made = make("openr1-math", [openr1_row(0, **changes), openr1_row(1)], **ALL)
    assert made.dropped() == {"empty": 1}


# math-verify's verdicts, the judge's, and the number of generations each finds correct.
VERDICTS = [
    ([True, False], None, {"math_verify": 1}),
    ([True, False], [True, True], {"math_verify": 1}),
    (None, [True, True], {"llama": 2}),
    ([], [False, True], {"llama": 1}),
    ([True], [True, True], {"math_verify": 1, "llama": 1}),
    ([None, True], [True, False], {"math_verify": 1, "llama": 1}),
    (None, None, {}),
]


@pytest.mark.parametrize(("verify", "llama", "expected"), VERDICTS)
def test_the_judge_decides_where_math_verify_has_no_verdict(make, verify, llama, expected):
    row = openr1_row(0, correctness_math_verify=verify, correctness_llama=llama)
    other = openr1_row(1, correctness_math_verify=[False, True])
    made = make("openr1-math", [row, other], sft=9, rl=0)
    counts = made.manifest["filters"][0]["counts"]
    by_math_verify = expected.get("math_verify", 0) + 1
    assert counts["generations kept, by correctness_math_verify"] == by_math_verify
    assert counts.get("generations kept, by correctness_llama", 0) == expected.get("llama", 0)
    assert len(made.rows("sft")) == (2 if expected else 1)


def test_the_judge_can_be_left_out(make):
    judged = openr1_row(0, correctness_math_verify=None, correctness_llama=[True, True])
    made = make("openr1-math", [judged, openr1_row(1)], **ALL, without=("llama-verdict",))
    assert made.dropped() == {"verified": 1}


def test_only_correct_and_short_generations_become_answers(make):
    source = [
        openr1_row(n, generations=["w" * 5, "r" * 5, "r" * 50], correctness_math_verify=[0, 1, 1])
        for n in range(20)
    ]
    for row in source:
        row["correctness_math_verify"] = [False, True, True]
    made = make("openr1-math", source, sft=20, rl=0, max_tokens=10)
    assert {row["messages"][-1]["content"] for row in made.rows("sft")} == {"r" * 5}


def test_every_kept_generation_is_chosen_sometimes(make):
    made = make("openr1-math", rows(40), sft=40, rl=0)
    by_uuid = {row["uuid"]: row["generations"] for row in rows(40)}
    taken = [by_uuid[r["id"]].index(r["messages"][-1]["content"]) for r in made.rows("sft")]
    assert 10 < sum(taken) < 30


def test_the_token_limit_is_inclusive(make):
    source = [openr1_row(n, generations=["a" * n, "b" * n]) for n in (9, 10, 11)]
    made = make("openr1-math", source, **ALL, max_tokens=10)
    assert {row["id"] for row in made.rows("rl")} == {"uuid-9", "uuid-10"}


def read_bytes(made):
    return [(made.folder / name / "train.jsonl").read_bytes() for name in ("sft", "rl")]


def test_the_seed_determines_the_bytes(make, tmp_path):
    first, again, other = (
        make("openr1-math", rows(30), sft=10, rl=10, seed=seed, out=tmp_path / str(run))
        for run, seed in enumerate((1, 1, 2))
    )
    assert read_bytes(first) == read_bytes(again)
    assert first.manifest == again.manifest
    assert all(a != b for a, b in zip(read_bytes(first), read_bytes(other), strict=True))


@pytest.mark.parametrize("name", ["b.parquet", "c", "d.json", "e/data/train-00000-of-1.parquet"])
def test_every_format_makes_the_same_sets(make, tmp_path, name):
    source = rows(70)
    source[3] |= {"correctness_math_verify": None, "correctness_llama": [True, True]}
    lines = make("openr1-math", source, sft=10, rl=30, out=tmp_path / "1")
    path = write_rows(tmp_path / name, source, OPENR1_FEATURES)
    folder = tmp_path / name.split("/")[0] if "/" in name else path
    assert read_bytes(make("openr1-math", folder, sft=10, rl=30)) == read_bytes(lines)


def test_rows_without_an_id_get_one_from_their_problem(make, tmp_path):
    nameless = rows(9)
    for row in nameless:
        del row["uuid"]
    first = make("openr1-math", nameless, **ALL, out=tmp_path / "1").rows("rl")
    again = make("openr1-math", nameless[::-1], **ALL, out=tmp_path / "2").rows("rl")
    assert first == again
    assert len({row["id"] for row in first}) == 9


def test_the_draw_does_not_depend_on_order_or_files_of_the_source(make, tmp_path):
    whole = make("openr1-math", rows(60), sft=10, rl=20, out=tmp_path / "1")
    for number, part in enumerate((rows(60)[40:], rows(60)[:40])):
        write_rows(tmp_path / f"parts/train-{number}.jsonl", part)
    parts = make("openr1-math", tmp_path / "parts", sft=10, rl=20)
    assert read_bytes(parts) == read_bytes(whole)


def test_the_manifest_says_if_there_are_fewer_rows_than_requested(make):
    draws = make("openr1-math", rows(8), sft=5, rl=100).manifest["draws"]
    assert draws == {
        "sft": {"wanted": 5, "available": 8, "rows": 5},
        "rl": {"wanted": 100, "available": 3, "rows": 3},
    }


def test_an_empty_set_names_the_step_that_dropped_the_last_row(make):
    bad = [openr1_row(n, answer="x") for n in range(3)] + [openr1_row(4, problem="求")]
    with pytest.raises(PrepareError) as caught:
        make("openr1-math", bad, **ALL)
    text = str(caught.value)
    assert "The RL set would have no rows" in text
    assert "of 4, the step 'integer-answer' dropped the last 3" in text
    assert "cjk 1, integer-answer 3" in text


def test_the_error_says_if_the_sft_set_took_every_problem(make, tmp_path):
    with pytest.raises(PrepareError, match=r"'in-sft' dropped the last 4.*Use a smaller --sft"):
        make("openr1-math", rows(4), sft=9, rl=9)
    assert not (tmp_path / "out").exists()
