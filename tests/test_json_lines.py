import pytest

from trinity_chord.json_lines import numbered_lines, parse_json, parse_object


def test_lines_are_numbered_and_blank_ones_skipped(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n\n  \n{"a": 2}')
    assert list(numbered_lines(path)) == [(1, b'{"a": 1}\n'), (4, b'{"a": 2}')]


@pytest.mark.parametrize("line", ['{"a": "é"}', '{"a": "é"}'.encode()])
def test_an_object_is_returned(line):
    assert parse_object(line) == {"a": "é"}


def test_an_error_beyond_the_first_line_names_its_line():
    with pytest.raises(ValueError, match="not JSON: Expecting value at line 3, column 2"):
        parse_json('{"a": [\n1,\n ]}')


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"a" 1}', "not JSON: Expecting ':' delimiter at column 6"),
        (b"[1]", r"got a JSON list, expected an object \{...\}"),
        (b'{"a": "\xff\xff"}', "not UTF-8 text: invalid start byte at byte 7"),
        (b'{"a": ' + b"[" * 100_000, "not JSON: nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON: Exceeds the limit"),
    ],
    ids=["syntax", "no object", "encoding", "depth", "digits"],
)
def test_anything_else_is_refused_with_its_reason(line, message):
    with pytest.raises(ValueError, match=message):
        parse_object(line)
