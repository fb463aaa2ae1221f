"""ToolACE and the published splits: tool-use tasks."""

import json

import pytest
from trinity.common.workflows.customized_toolcall_workflows import (
    compute_toolcall_reward,
    construct_prompt,
)

from tests.data.sources import (
    FUNCTIONS,
    SYSTEM_HEAD,
    TOOLACE_FEATURES,
    rl_split_row,
    sft_split_row,
    toolace_row,
    write_rows,
)
from trinity_chord.data.errors import PrepareError
from trinity_chord.data.place import Place

RL = {"sft": 0, "rl": 100}


def rows(count):
    return [toolace_row(number) for number in range(count)]


def test_a_calling_turn_becomes_a_task_with_trinitys_columns(make):
    made = make("toolace", rows(1), **RL)
    (task,) = made.rows("rl")
    assert json.loads(task["tools"]) == FUNCTIONS
    assert task["conversations"] == [{"from": "user", "value": "What moves market number 0?"}]
    arguments = {"trend_type": "TYPE_0", "country": "us"}
    assert json.loads(task["answer"]) == [{"name": "Market Trends API", "arguments": arguments}]
    assert task["raw_system"] == SYSTEM_HEAD


def test_trinitys_prompt_for_a_task_has_each_function_and_the_question(make):
    (task,) = make("toolace", rows(1), **RL).rows("rl")
    system, user = construct_prompt(task)
    assert system["content"].startswith(SYSTEM_HEAD)
    assert all(json.dumps(function) in system["content"] for function in FUNCTIONS)
    assert user == {"role": "user", "content": "What moves market number 0?"}


# The calling turn of row 1 of 3, and the step that drops it.
TURNS = [
    ("Which country?", "calling"),
    ("[Market Trends API(]", "parsed"),
    ("[Market Trends API(trend_type=unquoted)]", "parsed"),
    ('[Unknown API(x="y")]', "given-functions"),
    ('[Market Trends API(trend_type="A"), Unknown API()]', "given-functions"),
]


@pytest.mark.parametrize(("reply", "step"), TURNS)
def test_a_turn_without_a_correct_call_is_counted(make, reply, step):
    made = make("toolace", [toolace_row(0), toolace_row(1, reply), toolace_row(2)], **RL)
    assert made.dropped() == {step: 1}
    assert len(made.rows("rl")) == 2


def test_a_conversation_without_functions_is_counted(make):
    made = make("toolace", [toolace_row(0), toolace_row(1, system="Be kind.")], **RL)
    assert made.dropped() == {"functions": 1}


def two_turns(number):
    row = toolace_row(number)
    row["conversations"] += [
        {"from": "user", "value": "And the weather?"},
        {"from": "assistant", "value": '[weather.get_forecast(from="now", days=3)]'},
    ]
    return row


def test_only_the_first_turn_is_taken_by_default(make):
    made = make("toolace", [two_turns(0)], **RL)
    assert made.dropped() == {"single-turn": 1}
    assert len(made.rows("rl")) == 1


def test_the_history_of_a_later_turn_has_the_policys_format(make):
    made = make("toolace", [two_turns(0)], **RL, without=("single-turn",))
    (task,) = [row for row in made.rows("rl") if len(row["conversations"]) > 1]
    call = {"name": "Market Trends API", "arguments": {"trend_type": "TYPE_0", "country": "us"}}
    turns = [(turn["from"], turn["value"]) for turn in task["conversations"]]
    assert turns == [
        ("user", "What moves market number 0?"),
        ("assistant", f"<tool_call>{json.dumps([call])}</tool_call>"),
        ("tool", '[{"name": "Market Trends API", "results": {}}]'),
        ("assistant", "Not much."),
        ("user", "And the weather?"),
    ]
    expected = [{"name": "weather.get_forecast", "arguments": {"from": "now", "days": 3}}]
    assert json.loads(task["answer"]) == expected


def test_gold_answers_earn_the_full_reward(make):
    made = make("toolace", rows(6), sft=3, rl=3, gold_sft=True)
    for row in made.rows("sft"):
        *prompt, reply = row["messages"]
        assert prompt == construct_prompt(row)
        assert compute_toolcall_reward(reply["content"], row["answer"]) == 1.0
    asked = [{row["conversations"][0]["value"] for row in made.rows(n)} for n in ("sft", "rl")]
    assert len(asked[0] | asked[1]) == 6


def test_problems_with_expert_answers_from_another_source_leave_rl(make, tmp_path):
    expert = write_rows(tmp_path / "expert.jsonl", [sft_split_row(n) for n in range(2)])
    made = make("toolace", rows(5), sft=9, rl=9, expert=Place(str(expert)))
    assert [row["messages"] for row in made.rows("sft")] == [
        sft_split_row(n)["messages"] for n in range(2)
    ]
    assert made.dropped() == {"in-sft": 2}
    asked = {row["conversations"][0]["value"] for row in made.rows("rl")}
    assert asked == {f"What moves market number {n}?" for n in (2, 3, 4)}


def test_toolace_is_refused_as_the_source_of_expert_answers(make, tmp_path):
    source = write_rows(tmp_path / "toolace.parquet", rows(3), TOOLACE_FEATURES)
    with pytest.raises(PrepareError, match=r"lacks the columns .*messages.*--gold-sft"):
        make("toolace", source, expert=Place(str(source)))


def test_the_published_rl_split_is_used_unchanged(make):
    source = [rl_split_row(number) for number in range(20)]
    made = make("toolace", source, **RL)
    assert made.rows("rl") == source
    assert made.dropped() == {}


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"tools": "[]"}, "functions"),
        ({"tools": "{broken"}, "functions"),
        ({"raw_system": None}, "functions"),
        ({"answer": None}, "parsed"),
        ({"answer": "[]"}, "parsed"),
        ({"answer": '[{"name": "f"}]'}, "parsed"),
        ({"conversations": []}, "parsed"),
        ({"answer": '[{"name": "f", "arguments": {}}]'}, "given-functions"),
    ],
)
def test_rows_of_a_published_split_that_cannot_be_tasks_are_counted(make, changes, step):
    made = make("toolace", [rl_split_row(0), rl_split_row(1, **changes)], **RL)
    assert made.dropped() == {step: 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"conversations": [{"from": "user"}]},
            r"conversations\[0\]: got .*expected from and",
        ),
        (
            {"conversations": [{"from": "bot", "value": "x"}]},
            r"conversations\[0\].from: got 'bot', expected",
        ),
        ({"tools": 7}, "tools: got 7, expected text"),
        ({"messages": []}, "messages: expected a turn of the assistant at the end"),
        ({"messages": [{"role": "assistant", "content": 1}]}, r"messages\[0\]: got"),
    ],
)
def test_values_of_the_wrong_type_are_located_by_line(make, tmp_path, changes, message):
    source = [sft_split_row(0), sft_split_row(1, **changes)]
    expert = write_rows(tmp_path / "expert.jsonl", source)
    with pytest.raises(PrepareError, match=f"line 2: {message}"):
        make("toolace", rows(3), expert=Place(str(expert)))
