"""What the policy is shown in a game, and what follows from its replies."""

import json

import pytest

from trinity_chord.multi_turn.game import HOW_TO_END, Game
from trinity_chord.multi_turn.gold import CANNOT, DONE, gold_calls, gold_game
from trinity_chord.tool_calls import read_calls, write_calls

CASE = "multi_turn_miss_func_0"
CALLS = write_calls([{"name": "pwd", "arguments": {}}, {"name": "ls", "arguments": {"a": True}}])


@pytest.fixture
def game(simulators):
    return Game(simulators.cases[CASE], simulators.texts)


def test_it_begins_with_the_functions_and_the_first_question(game):
    system, question = game.messages
    assert system["role"] == "system"
    assert game._texts.behavior in system["content"]
    assert HOW_TO_END in system["content"]
    assert '"name": "grep"' in system["content"]
    assert '"name": "sort"' not in system["content"]  # The fourth turn adds it.
    assert question == game.case.questions[0][0]


def test_a_reply_with_calls_is_a_step_and_its_results_follow(game):
    calls = game.reply(f"<think>look</think>{CALLS}")
    assert [call["name"] for call in calls] == ["pwd", "ls"]
    game.results(["/", "a b"])
    assert game.messages[-3:] == [
        {"role": "assistant", "content": f"<think>look</think>{CALLS}"},
        {"role": "tool", "content": "/"},
        {"role": "tool", "content": "a b"},
    ]
    assert game.turns == [[calls]]
    assert not game.over


@pytest.mark.parametrize("text", ["Done.", "", "<tool_call>[]</tool_call>", "<tool_call>x"])
def test_a_reply_without_calls_ends_the_turn(text, game):
    assert game.reply(text) == []
    assert game.messages[-1] == game.case.questions[1][0]
    assert game.turns == [[], []]


def test_a_turn_can_add_functions(game):
    for _ in range(3):
        game.reply("Done.")
    added = game.messages[-1]["content"]
    assert added.endswith(game._texts.more_functions)
    function = json.loads(added.splitlines()[1])["function"]
    assert function["name"] == "sort"


def test_it_ends_after_the_last_turn(game):
    for _ in game.case.questions:
        assert not game.over
        game.reply("Done.")
    assert game.over
    assert not game.stopped
    assert len(game.turns) == len(game.case.questions)


def test_after_more_than_20_steps_in_a_turn_the_policy_is_stopped(game):
    for _ in range(20):
        game.reply(CALLS)
        game.results(["", ""])
        assert not game.over
    game.reply(CALLS)
    game.results(["", ""])
    assert game.over
    assert game.stopped


def test_a_correct_game_has_one_call_per_step_and_ends_each_turn(simulators):
    case = simulators.cases[CASE]
    game = gold_game(case, simulators)
    replies = [m["content"] for m in game.messages if m["role"] == "assistant"]
    calls = gold_calls(case)
    assert [text for text in replies if "<tool_call>" not in text] == [
        DONE if turn else CANNOT for turn in calls
    ]
    assert [read_calls(text) for text in replies if "<tool_call>" in text] == [
        [call] for turn in calls for call in turn
    ]
    results = [m["content"] for m in game.messages if m["role"] == "tool"]
    assert results[0] == '{"current_working_directory": "document"}'
    assert simulators.judge(case, game.turns).valid


def test_each_turn_has_a_message_unless_it_adds_functions(simulators):
    for case in simulators.cases.values():
        for number, question in enumerate(case.questions):
            assert bool(question) != (number in case.added), case.id
