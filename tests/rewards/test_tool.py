"""The tool-use reward, against hand-made replies and against Trinity's own scorer."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from trinity.common.rewards import REWARD_FUNCTIONS
from trinity.common.workflows.customized_toolcall_workflows import compute_toolcall_reward

import trinity_chord

REWARD = trinity_chord.ToolCallReward()
GOLD = json.dumps(
    [
        {"name": "weather", "arguments": {"city": "Oslo", "days": 2}},
        {"name": "weather", "arguments": {"city": "Rome", "days": 2}},
        {"name": "time.now", "arguments": {}},
    ]
)


def reward(response: str, truth: str = GOLD) -> float:
    scores = REWARD(response=response, truth=truth)
    assert list(scores) == ["accuracy"]
    return scores["accuracy"]


def reply(calls: object, think: str = "<think>so</think>") -> str:
    text = calls if isinstance(calls, str) else json.dumps(calls)
    return f"{think}<tool_call>{text}</tool_call>"


def test_the_correct_calls_in_any_order_get_1():
    calls = json.loads(GOLD)
    assert reward(reply(calls)) == reward(reply(calls[::-1])) == 1.0


def test_the_order_of_the_arguments_does_not_count():
    truth = json.dumps([{"name": "a", "arguments": {"x": 1, "y": {"p": 1, "q": 2}}}])
    other = [{"arguments": {"y": {"q": 2, "p": 1}, "x": 1}, "name": "a"}]
    assert reward(reply(other), truth) == 1.0


@pytest.mark.parametrize(
    "change",
    [
        lambda calls: calls[:-1],
        lambda calls: [*calls, calls[0]],
        lambda calls: [calls[0], calls[0], calls[2]],
        lambda calls: [],
        lambda calls: [{**calls[0], "name": "Weather"}, *calls[1:]],
        lambda calls: [{**calls[0], "arguments": {"city": "Oslo"}}, *calls[1:]],
        lambda calls: [*calls[:2], {**calls[2], "arguments": {"zone": "UTC"}}],
        lambda calls: [{**calls[0], "arguments": {"city": "oslo", "days": 2}}, *calls[1:]],
        lambda calls: [{**calls[0], "arguments": {"city": "Oslo", "days": "2"}}, *calls[1:]],
        lambda calls: [{**calls[0], "arguments": {"city": "Oslo", "days": 2.0}}, *calls[1:]],
    ],
    ids=[
        "one too few",
        "one too many",
        "a call repeated",
        "none",
        "another name",
        "an argument missing",
        "an argument too many",
        "another value",
        "text for a number",
        "a float for an integer",
    ],
)
def test_wrong_calls_get_0(change):
    assert reward(reply(change(json.loads(GOLD)))) == 0.0


@pytest.mark.parametrize(
    "think", ["", "<think>a", "</think>", "<think>a</think><think>b</think>", "</think><think>"]
)
def test_correct_calls_without_exactly_one_think_block_before_them_get_0(think):
    assert reward(reply(json.loads(GOLD), think)) == 0.0


def test_thinking_after_the_calls_gets_0():
    assert reward(reply(json.loads(GOLD), "") + "<think>so</think>") == 0.0


def test_an_empty_list_of_calls_is_correct_if_none_is_expected():
    assert reward(reply([]), "[]") == 1.0
    assert reward("<think>so</think> I need no tool.", "[]") == 0.0  # As Trinity scores it.


HOSTILE = {
    "deep nesting": "[" * 100_000,
    "deep nesting that ends": "[" * 900 + "]" * 900,
    "deep arguments": '[{"name": "a", "arguments": {"x": ' + "[" * 300 + "]" * 300 + "}}]",
    "a long integer": '[{"name": "a", "arguments": {"x": ' + "9" * 5000 + "}}]",
    "a number": "5",
    "a truth value": "true",
    "an unhashable name": '[{"name": [], "arguments": {}}]',
    "a huge string": json.dumps([{"name": "a", "arguments": {"x": "y" * 5_000_000}}]),
    "not a number": '[{"name": "a", "arguments": {"x": NaN}}]',
    "many openings": "<tool_call>" * 200_000,
    "null bytes": "\0" * 1000,
    "a lone surrogate": '[{"name": "\\ud800", "arguments": {}}]',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_reply_gets_0(text):
    assert reward(reply(text)) == 0.0


def test_a_repeated_key_gets_0_whichever_value_is_correct():
    truth = json.dumps([{"name": "a", "arguments": {"x": 1}}])
    for first, last in ((1, 2), (2, 1)):
        text = f'[{{"name": "a", "arguments": {{"x": {first}, "x": {last}}}}}]'
        assert reward(reply(text), truth) == 0.0


@pytest.mark.parametrize("truth", ["", "5", "[{}]", '[{"name": "a"}]', None, [], '{"x": '])
def test_a_broken_answer_of_a_task_is_refused(truth):
    with pytest.raises(ValueError, match="`answer` of a task: got"):
        reward(reply([]), truth)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.5, 1.0, "", "a", "1"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner),
    max_leaves=4,
)
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["a", "b.c"]),
            "arguments": st.dictionaries(st.sampled_from("xy"), VALUES, max_size=2),
        }
    ),
    max_size=3,
)
TEXTS = st.one_of(CALLS, VALUES, st.lists(VALUES, max_size=2)).map(json.dumps) | st.sampled_from(
    ["", "[", "a(x=1)"]
)
PARTS = st.sampled_from(["<think>", "so", "</think>", "<tool_call>", "</tool_call>", "[]"])


@st.composite
def answers_and_replies(draw):
    """Draw a correct answer, and a reply: the correct calls in any order, others, or any parts."""
    calls = draw(CALLS)
    body = draw(st.permutations(calls).map(json.dumps) | TEXTS)
    before = draw(st.just("<think>so</think>") | st.lists(PARTS, max_size=4).map("".join))
    after = draw(st.just("") | st.lists(PARTS, max_size=3).map("".join))
    return json.dumps(calls), f"{before}<tool_call>{body}</tool_call>{after}"


@given(answers_and_replies())
@example((GOLD, reply(json.loads(GOLD))))
def test_the_reward_equals_trinitys_wherever_trinity_has_one(pair):
    truth, response = pair
    try:
        theirs = compute_toolcall_reward(response, truth)
    except (TypeError, AttributeError):  # Replies such as <tool_call>5</tool_call>.
        theirs = 0.0
    if response.find("</think>") < response.find("<think>"):
        theirs = 0.0  # Trinity accepts the tags in reverse order, too.
    assert reward(response, truth) == theirs


def test_trinity_finds_it_by_its_dotted_path():
    assert REWARD_FUNCTIONS.get("trinity_chord.ToolCallReward") is trinity_chord.ToolCallReward
