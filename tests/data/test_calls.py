"""Calls in ToolACE's format, and the functions in a system prompt."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.sources import FUNCTIONS, SYSTEM_HEAD, SYSTEM_TAIL
from trinity_chord.data.calls import functions_of, parse_calls
from trinity_chord.tool_calls import ToolCallError

READ = [
    ("[f()]", [("f", {})]),
    ("[f( )]", [("f", {})]),
    ('[Market Trends API(type="A B", n=3)]', [("Market Trends API", {"type": "A B", "n": 3})]),
    ("[a.b/c-d(x=1.5), e f(y=-2)]", [("a.b/c-d", {"x": 1.5}), ("e f", {"y": -2})]),
    ("[f(a=True, b=false)]", [("f", {"a": True, "b": False})]),
    ("[f(a=None, b=null)]", [("f", {"a": None, "b": None})]),
    ("[f(a=[1, {'k': (2, 3)}], b={})]", [("f", {"a": [1, {"k": [2, 3]}], "b": {}})]),
    ('[f(a={"x": true, "y": [null]})]', [("f", {"a": {"x": True, "y": [None]}})]),
    ("[f(a='it\\'s (so), [he] said')]", [("f", {"a": "it's (so), [he] said"})]),
    ('[f(a="x=1, y)")]', [("f", {"a": "x=1, y)"})]),
    ('[f(from="NYC", class=1)]', [("f", {"from": "NYC", "class": 1})]),
    ('[f(max results=2, user-id="u")]', [("f", {"max results": 2, "user-id": "u"})]),
    (' [f(\n  a=1,\n  b="x"\n), g()] ', [("f", {"a": 1, "b": "x"}), ("g", {})]),
    ('[f(a="é → \\n")]', [("f", {"a": "é → \n"})]),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_calls_are_parsed(text, expected):
    assert parse_calls(text) == [{"name": name, "arguments": args} for name, args in expected]


REFUSED = [
    "plain words",
    "[]",
    "[just a list]",
    "[1, 2]",
    "[f(1)]",
    '[f("x")]',
    "[f(a=)]",
    "[f(a=b)]",
    "[f(a=1, a=2)]",
    "[f(a=1]",
    "[f(a='x]",
    "[f(a=1) g(b=2)]",
    "[f(a=1), ]",
    "[f(a=1)) ]",
    "[f(a={1, 2})]",
    "[f(a=b'x')]",
    "[f(a=1e999)]",
    "[f(a=__import__('os').system('true'))]",
    "[f(a=2**9)]",
    "[(a=1)]",
    '[{"name": "f", "arguments": {}}]',
    f"[f(a={'[' * 5000}{']' * 5000})]",
    f"[f(a={'9' * 5000})]",
]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:24])
def test_text_that_is_not_a_list_of_calls_is_refused(text):
    with pytest.raises(ToolCallError):
        parse_calls(text)


TEXTS = st.text(max_size=8)
NAMES = st.sampled_from(["f", "get it", "a.b-c/d", "from", "X1 API"])
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(TEXTS, PLAIN, max_size=3)
CALL = st.tuples(NAMES, st.dictionaries(NAMES, VALUES, max_size=3))
seeded = settings(derandomize=True, deadline=None, max_examples=100)


@seeded
@given(st.lists(CALL, min_size=1, max_size=3))
def test_parsing_inverts_formatting(calls):
    written = ", ".join(
        f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
        for name, arguments in calls
    )
    expected = [{"name": name, "arguments": arguments} for name, arguments in calls]
    assert parse_calls(f"[{written}]") == json.loads(json.dumps(expected))


@seeded
@given(st.text("[]()={}'\",\\ab1 ", max_size=40))
def test_any_text_is_parsed_or_refused(text):
    try:
        calls = parse_calls(f"[{text}]")
    except ToolCallError:
        return
    assert all(call["name"] for call in calls)


def test_the_functions_are_found_between_head_and_format():
    system = SYSTEM_HEAD + json.dumps(FUNCTIONS) + SYSTEM_TAIL
    assert functions_of(system) == (SYSTEM_HEAD, FUNCTIONS)


@pytest.mark.parametrize(
    "listed",
    ["[]", "[1]", '[{"description": "no name"}]', '{"name": "f"}', '[{"name": "f"', "none"],
)
def test_a_system_prompt_without_functions_has_none(listed):
    assert functions_of(SYSTEM_HEAD + listed + SYSTEM_TAIL) is None


def test_a_list_elsewhere_is_not_mistaken_for_the_functions():
    assert functions_of("Answer like [func1(a=b)]. " + json.dumps(FUNCTIONS)) is None
