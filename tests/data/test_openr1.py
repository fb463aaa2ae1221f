"""OpenR1-Math-220k into the SFT and the RL set."""

from tests.data.sources import openr1_row
from trinity_chord.prompts import MATH_SYSTEM_PROMPT


def rows(count, **changes):
    return [openr1_row(number, **changes) for number in range(count)]


def test_rl_rows_hold_problem_and_answer(make):
    made = make("openr1-math", rows(10), sft=0, rl=10)
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


def test_the_sets_share_no_problem(make):
    again = [openr1_row(n, problem=openr1_row(n)["problem"].upper() + " ") for n in range(10)]
    made = make("openr1-math", rows(10) + again, sft=5, rl=20, without=("duplicate",))
    sft, rl = ({r["problem"].lower().strip() for r in made.rows(n)} for n in ("sft", "rl"))
    assert len(sft | rl) == len(sft) + len(rl) == 10
    assert made.dropped()["in-sft"] == 20 - len(made.rows("rl"))
