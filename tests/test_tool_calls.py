import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trinity_chord.tool_calls import (
    CLOSE,
    MAX_DEPTH,
    OPEN,
    ToolCallError,
    read_calls,
    thinks_once_first,
)

PIECES = st.lists(st.sampled_from([OPEN, CLOSE, "[", "]", "x", "\n"]), max_size=12).map("".join)


def block(text: str) -> str:
    return f"<think>so</think> {OPEN}{text}{CLOSE}"


def test_calls_are_read_in_order():
    text = block(' [{"name": "b", "arguments": {"x": 1}}, {"name": "a.b c", "arguments": {}}] ')
    assert read_calls(text) == [
        {"name": "b", "arguments": {"x": 1}},
        {"name": "a.b c", "arguments": {}},
    ]


@pytest.mark.parametrize(
    "text",
    ['{"name": "a", "arguments": {}}', '"[{\\"name\\": \\"a\\", \\"arguments\\": {}}]"'],
    ids=["one call without a list", "JSON within a JSON string"],
)
def test_forms_that_trinity_accepts_are_accepted(text):
    assert read_calls(block(text)) == [{"name": "a", "arguments": {}}]


def test_other_keys_of_a_call_are_dropped():
    text = block('[{"name": "a", "arguments": {}, "id": 7}]')
    assert read_calls(text) == [{"name": "a", "arguments": {}}]


def test_the_last_block_counts():
    first, last = '[{"name": "a", "arguments": {}}]', '[{"name": "b", "arguments": {}}]'
    assert read_calls(block(first) + block(last))[0]["name"] == "b"


@given(PIECES)
def test_the_last_block_equals_that_of_the_regular_expression(text):
    found = re.findall(r"<tool_call>(.*?)</tool_call>", text, flags=re.DOTALL)
    expected = f"not JSON|expected a list|{OPEN}" if found else f"no {OPEN}"
    if found and "".join(found[-1].split()) == "[]":
        assert read_calls(text) == []
        return
    with pytest.raises(ToolCallError, match=expected) as caught:
        read_calls(text)
    assert str(caught.value).startswith(f"no {OPEN}") == (not found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON: Expecting value"),
        ("[{]", "not JSON"),
        ("5", "got a JSON int, expected a list of calls"),
        ("null", "got a JSON NoneType"),
        ('"a(b=1)"', "not JSON"),
        ("[5]", "call 1: got a JSON int, expected an object"),
        ('[{"name": "a", "arguments": {}}, {}]', "call 2 has no 'name' and no 'arguments'"),
        ('[{"name": ["a"], "arguments": {}}]', "call 1, 'name': got list, expected str"),
        ('[{"name": {}, "arguments": {}}]', "call 1, 'name': got dict, expected str"),
        ('[{"name": "a", "arguments": "{}"}]', "call 1, 'arguments': got str, expected dict"),
        ('[{"name": "a", "arguments": {"x": NaN}}]', "NaN is not JSON"),
        ('[{"name": "a", "arguments": {"x": -Infinity}}]', "-Infinity is not JSON"),
        ('[{"name": "a", "arguments": {"x": 1e999}}]', "too large for a float"),
        ('[{"name": "a", "arguments": {"x": 1, "x": 2}}]', "a key twice"),
        ('[{"name": "a", "name": "b", "arguments": {}}]', "a key twice"),
        ('[{"name": "a", "arguments": {"x": ' + "9" * 5000 + "}}]", "not JSON: Exceeds the limit"),
        ("[" * 100_000, f"deeper than {MAX_DEPTH} levels"),
        ("[" * 200 + "]" * 200, f"deeper than {MAX_DEPTH} levels"),
        ('{"a":' * 100_000, f"deeper than {MAX_DEPTH} levels"),
    ],
)
def test_a_block_without_a_list_of_calls_is_reported(text, message):
    with pytest.raises(ToolCallError) as caught:
        read_calls(block(text))
    assert message in str(caught.value)


def test_nesting_up_to_the_limit_is_accepted():
    deep = "[" * (MAX_DEPTH - 3) + "]" * (MAX_DEPTH - 3)
    assert read_calls(block('[{"name": "a", "arguments": {"x": ' + deep + "}}]"))


@pytest.mark.parametrize(
    "text",
    [
        "no calls",
        f"{OPEN}[]",
        f"[]{CLOSE}",
        f"{CLOSE}[]{OPEN}",
        OPEN * 200_000,  # Takes many minutes with the regular expression.
    ],
)
def test_an_unclosed_block_does_not_count(text):
    with pytest.raises(ToolCallError, match="in the reply"):
        read_calls(text)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("<think>a</think><tool_call>", True),
        ("<think>a</think>", True),
        ("a <think></think> b <tool_call>", True),
        ("<tool_call><think>a</think>", False),
        ("<think>a<tool_call></think>", False),
        ("<think>a</think><think>b</think>", False),
        ("<think>a</think></think>", False),
        ("</think><think><tool_call>", False),
        ("a</think><tool_call>", False),
        ("<think>a<tool_call>", False),
        ("<tool_call>", False),
    ],
)
def test_one_think_block_must_come_before_the_calls(text, first):
    assert thinks_once_first(text) is first
