r"""Finding the last `\boxed{}`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trinity_chord.rewards.boxed import last_boxed


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"\boxed{72}", "72"),
        (r"\boxed {72}", "72"),
        (r"\boxed{1} and \boxed{2}.", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{a \boxed{b} c}", "b"),
        (r"\boxed{\{1\}}", r"\{1\}"),
        (r"\boxed{\}", None),
        (r"\boxed{}", ""),
        (r"\boxed{1} then \boxed{2", "1"),
        (r"\boxed{1 {2} then", None),
        (r"{ \boxed{1}", "1"),
        (r"} \boxed{1}", "1"),
        (r"\boxed{\boxed{1} ", "1"),
        (r"\boxed 5", None),
        ("boxed{5}", None),
        ("", None),
    ],
)
def test_the_last_complete_box_is_found(text, content):
    assert last_boxed(text) == content


def test_a_hundred_thousand_open_boxes_take_linear_time():
    assert last_boxed(r"\boxed{1}" + r"\boxed{" * 100_000) == "1"


@given(st.lists(st.sampled_from([r"\boxed{", "{", "}", "\\", "x"]), max_size=12))
def test_the_last_box_equals_that_of_a_search_from_each_opening(pieces):
    text = "".join(pieces)

    def content(start: int) -> str | None:
        depth, i = 1, start
        while i < len(text):
            if text[i] == "\\":
                i += 1
            elif text[i] in "{}":
                depth += 1 if text[i] == "{" else -1
                if depth == 0:
                    return text[start:i]
            i += 1
        return None

    openings, i = [], 0
    while i < len(text):
        if text.startswith(r"\boxed{", i):
            openings.append(i + len(r"\boxed{"))
            i += len(r"\boxed{")
        else:
            i += 2 if text[i] == "\\" else 1
    found = [content(start) for start in reversed(openings)]
    assert last_boxed(text) == next((each for each in found if each is not None), None)
