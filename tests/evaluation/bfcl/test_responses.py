import json

import pytest

from trinity_chord.evaluation.bfcl.responses import read_responses
from trinity_chord.evaluation.errors import EvaluationError

IDS = ["a_0", "a_1", "a_2"]


def write(path, *lines):
    path.write_text("".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines))
    return path


def row(name, response="…"):
    return {"id": name, "response": response}


def test_answers_come_in_the_order_of_the_cases_not_of_the_file(tmp_path):
    path = write(tmp_path / "r.jsonl", row("a_2", "z"), "", row("a_0", "x"), row("a_1", "y"))
    assert list(read_responses(path, IDS, IDS).items()) == [
        ("a_0", "x"),
        ("a_1", "y"),
        ("a_2", "z"),
    ]


def test_other_keys_are_ignored(tmp_path):
    path = write(tmp_path / "r.jsonl", *({**row(name), "model": "m"} for name in IDS))
    assert set(read_responses(path, IDS, IDS)) == set(IDS)


def test_answers_to_other_cases_are_ignored(tmp_path):
    path = write(tmp_path / "r.jsonl", *map(row, IDS))
    assert list(read_responses(path, IDS[1:2], IDS)) == ["a_1"]


def test_all_problems_are_reported_at_once_with_their_lines(tmp_path):
    path = write(
        tmp_path / "r.jsonl",
        row("a_0"),
        '{"id": ',
        row("b_0"),
        row("a_0"),
        [],
        {"id": "a_1"},
        {"id": 3, "response": ""},
        {"id": "a_2", "response": None},
        "[" * 100_000,
    )
    with pytest.raises(EvaluationError) as caught:
        read_responses(path, IDS, IDS)
    message = str(caught.value)
    for problem in (
        f"{path}: 9 problems",
        "line 2: not JSON",
        "line 3: id: got 'b_0', which is not a case of the benchmark",
        "line 4: id: got 'a_0', which is already on line 1",
        "line 5: got a JSON list, expected an object",
        "line 6: response: got nothing, expected text",
        "line 7: id: got int, expected text",
        "line 8: response: got NoneType, expected text",
        "line 9: not JSON",
        "no answer for 2 cases: a_1, a_2",
        "--categories and --limit select the cases",
    ):
        assert problem in message


def test_problems_beyond_the_first_ten_are_counted(tmp_path):
    path = write(tmp_path / "r.jsonl", *["x"] * 25)
    ids = [f"a_{i}" for i in range(1500)]
    with pytest.raises(EvaluationError) as caught:
        read_responses(path, ids, ids)
    assert str(caught.value).count("not JSON") == 9  # after the missing answers
    assert "... and 16 more" in str(caught.value)
    assert "no answer for 1,500 cases: a_0, a_1" in str(caught.value)
    assert "a_9 and 1,490 more" in str(caught.value)


def test_a_line_that_is_not_utf8_is_reported(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_bytes(b'{"id": "a_0", "response": "\xff"}\n')
    with pytest.raises(EvaluationError, match="line 1: not UTF-8 text"):
        read_responses(path, IDS, IDS)


@pytest.mark.parametrize("name", ["none.jsonl", "."])
def test_an_unreadable_file_is_reported(name, tmp_path):
    with pytest.raises(EvaluationError, match=r"cannot be read: (No such file|Is a directory)"):
        read_responses(tmp_path / name, IDS, IDS)
