"""JSON that Python cannot parse, or that is not text, is a problem of its row."""

import json

import pytest

from trinity_chord.data.errors import PrepareError
from trinity_chord.data.readers import read_json

BAD = {
    "digits": ('{"a": ' + "9" * 5000 + "}", "not JSON: Exceeds the limit"),
    "depth": ('{"a": ' + "[" * 100_000 + "}", "not JSON: nested too deeply"),
    "surrogate": ('{"a": "\\ud800"}', "half of a surrogate pair"),
    "repeated": ('{"a": 1, "a": 2}', "the key 'a' appears twice"),
}


@pytest.mark.parametrize(("line", "problem"), BAD.values(), ids=BAD)
def test_a_bad_line_is_a_problem_of_its_row(tmp_path, line, problem):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join([json.dumps({"a": 1}), line, json.dumps({"a": 2})]))
    rows = list(read_json(path, 0, [], lambda number: True))
    assert [row.values for row in rows] == [{"a": 1}, {}, {"a": 2}]
    assert problem in rows[1].problem
    assert rows[1].where == f"{path}, line 2"


def test_a_bad_array_names_the_file(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text("[" + "9" * 5000 + "]")
    with pytest.raises(PrepareError, match=r"rows\.json: not JSON: Exceeds the limit"):
        list(read_json(path, 0, [], lambda number: True))
