import pytest

from trinity_chord.report.text import number_text, one_line, value_text, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\x00b", "a\\x00b"),
        ("a\u202eb", "a\\u202eb"),
        ("a\ufeffb", "a\\ufeffb"),
        ("line\r\nline\ttab", "line\nline\ttab"),
        ("\ud800", "?"),
        ("μ 漢字 👩‍🔬", "μ 漢字 👩‍🔬"),
    ],
)
def test_what_cannot_be_seen_is_written_as_an_escape(text, shown):
    assert visible(text) == shown


def test_a_long_text_is_cut_and_says_so():
    assert visible("x" * 1010, 10) == "xxxxxxxxxx\n… 1,000 more characters"


def test_one_line_is_the_beginning():
    assert one_line("a\n\n b " + "c" * 200, 8) == "a b ccc…"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (True, "true"), (0.1, "0.1"), ([1], "[1]")]
)
def test_values_of_a_configuration(value, text):
    assert value_text(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.12345, "0.123"), (1234.5, "1,234"), (0.0, "0")])
def test_numbers_have_three_digits(value, text):
    assert number_text(value) == text
