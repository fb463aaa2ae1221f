"""Loading the benchmarks."""

import json

import datasets
import pytest

from tests.evaluation.math.sets import ROWS, write_rows, write_sets
from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.evaluation.math.benchmarks import BENCHMARKS, Problem, load_problems


def refused(name, folder) -> str:
    with pytest.raises(EvaluationError) as caught:
        load_problems(BENCHMARKS[name], folder)
    return str(caught.value)


def changed(tmp_path, name, **values) -> str:
    rows = [ROWS[name][0], ROWS[name][1] | values]
    write_rows(tmp_path / f"{name}.jsonl", rows)
    return refused(name, tmp_path)


def test_the_columns_of_each_set_are_mapped(tmp_path):
    write_sets(tmp_path)
    found = {name: load_problems(each, tmp_path) for name, each in BENCHMARKS.items()}
    assert found["amc23"] == [
        Problem("0", "How many miles?", "27.0"),
        Problem("1", "What is x?", "36.0"),
    ]
    assert found["aime24"][1] == Problem("61", "Find the sum.", "025")
    assert found["aime25"] == [Problem("0", "Find the sum of bases.", "70")]


def test_a_choice_has_its_options_in_the_question_and_its_letter_as_answer(tmp_path):
    write_sets(tmp_path)
    assert load_problems(BENCHMARKS["mmlu-pro"], tmp_path)[0] == Problem(
        "70",
        "Which is a prime?\n\nA. 4\nB. 6\nC. 7\n\n"
        "Put the letter of the right option, and nothing else, in \\boxed{}.",
        "C",
        "math",
    )


@pytest.mark.parametrize("name", BENCHMARKS)
def test_parquet_gives_the_same_problems_as_json_lines(name, tmp_path):
    write_sets(tmp_path)
    expected = load_problems(BENCHMARKS[name], tmp_path)
    (tmp_path / f"{name}.jsonl").unlink()
    datasets.Dataset.from_list(ROWS[name]).to_parquet(tmp_path / f"{name}.parquet")
    assert load_problems(BENCHMARKS[name], tmp_path) == expected


def test_a_row_without_an_id_is_numbered(tmp_path):
    write_rows(tmp_path / "aime25.jsonl", [{"problem": "a", "answer": 5}])
    assert load_problems(BENCHMARKS["aime25"], tmp_path) == [Problem("0", "a", "5")]


def test_a_missing_file_is_reported_with_its_columns(tmp_path):
    assert (
        f"expected {tmp_path / 'aime24.jsonl'} (or .parquet) with the columns problem, answer"
        in (refused("aime24", tmp_path))
    )


@pytest.mark.parametrize("name", BENCHMARKS)
def test_without_a_hub_the_error_names_the_file_to_provide(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    text = refused(name, None)
    assert (
        f"{BENCHMARKS[name].hub} (split {BENCHMARKS[name].split}) could not be downloaded" in text
    )
    assert f"--data-dir DIR with DIR/{name}.jsonl" in text


def test_an_empty_file_is_refused(tmp_path):
    write_rows(tmp_path / "amc23.jsonl", [])
    assert "holds no problems" in refused("amc23", tmp_path)


def test_all_lines_that_are_not_objects_are_reported_at_once(tmp_path):
    (tmp_path / "amc23.jsonl").write_text(json.dumps(ROWS["amc23"][0]) + "\n\n{\n[1]\n")
    text = refused("amc23", tmp_path)
    assert "amc23.jsonl: 2 problems" in text
    assert "line 3: not JSON" in text
    assert "line 4: got a JSON list, expected an object" in text


def test_a_broken_parquet_file_is_refused(tmp_path):
    (tmp_path / "amc23.parquet").write_text("no parquet")
    assert "amc23.parquet cannot be read" in refused("amc23", tmp_path)


@pytest.mark.parametrize(
    ("name", "values", "complaint"),
    [
        ("amc23", {"answer": None}, "line 2: no answer (its columns are id, question,"),
        ("amc23", {"answer": " "}, "line 2: answer: got empty text"),
        ("amc23", {"question": ""}, "line 2: question: got empty text"),
        ("amc23", {"question": 5}, "line 2: question: got 5, expected text"),
        ("amc23", {"id": 0}, "line 2: id '0' is already in an earlier row"),
        ("mmlu-pro", {"options": "ab"}, "line 2: options: got 'ab', expected a list"),
        ("mmlu-pro", {"answer_index": 2}, "line 2: answer_index: got 2, expected 0 to 1"),
        ("mmlu-pro", {"answer": "B"}, "line 2: answer: got 'B', expected 'A' for answer_index 0"),
    ],
)
def test_a_wrong_row_is_reported(name, values, complaint, tmp_path):
    assert complaint in changed(tmp_path, name, **values)


def test_all_wrong_rows_are_counted_and_the_first_ten_listed(tmp_path):
    write_rows(tmp_path / "aime25.jsonl", [{"problem": "a"}] * 30)
    text = refused("aime25", tmp_path)
    assert "aime25.jsonl: 30 problems" in text
    assert "line 1: no answer" in text
    assert "line 10: no answer" in text
    assert text.endswith("... and 20 more")
