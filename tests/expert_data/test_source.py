"""Opening folders, files and hub datasets."""

import bz2
import gzip
import json
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import datasets
import pytest

from tests.expert_data.chats import chat
from trinity_chord.expert_data import ExpertDataError, ExpertSet, source
from trinity_chord.expert_data.source import ExpertSource

ROWS = [chat("?", str(i)) for i in range(4)]
PATH_KEY = "buffer.trainer_input.auxiliary_buffers.sft.path"


def load(path, **keys) -> list[dict]:
    return list(ExpertSource(ExpertSet("sft", str(path), **keys)).load())


def refused(path, **keys) -> str:
    with pytest.raises(ExpertDataError) as caught:
        load(path, **keys)
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet", ".arrow"])
def test_a_single_file_opens(suffix, tmp_path):
    path = tmp_path / f"rows{suffix}"
    rows = datasets.Dataset.from_list(ROWS)
    if suffix == ".parquet":
        rows.to_parquet(path)
    elif suffix == ".arrow":
        rows.save_to_disk(tmp_path / "saved")
        next((tmp_path / "saved").glob("*.arrow")).rename(path)
    else:
        path.write_text("\n".join(map(json.dumps, ROWS)))
    assert load(path) == ROWS


def test_a_json_file_may_hold_one_array(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(ROWS, indent=2))
    assert load(path) == ROWS


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_folder_opens_as_load_dataset_opens_it(suffix, tmp_path):
    rows = datasets.Dataset.from_list(ROWS)
    for split in ("train", "test"):
        write = rows.to_parquet if suffix == ".parquet" else rows.to_json
        write(tmp_path / f"{split}{suffix}")
    expected = datasets.load_dataset(str(tmp_path), split="test").to_list()
    assert load(tmp_path, split="test") == expected == ROWS


def test_a_slice_of_a_split_opens(write, tmp_path):
    path = write(ROWS)
    assert load(path, split="train[1:3]") == load(tmp_path, split="train[1:3]") == ROWS[1:3]


def test_a_subset_opens(tmp_path, write):
    write(ROWS[:1], "one.jsonl")
    write(ROWS[1:], "rest.jsonl")
    configs = "- config_name: one\n  data_files: one.jsonl\n- config_name: rest\n"
    configs += "  data_files: rest.jsonl\n"
    (tmp_path / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    assert load(tmp_path, subset_name="rest") == ROWS[1:]


def test_rows_are_located_by_file_and_line_despite_blank_lines(write, tmp_path):
    write([json.dumps(ROWS[0]), "", json.dumps(ROWS[1])], "data/train-0.jsonl")
    write([json.dumps(ROWS[2])], "data/train-1.jsonl")
    opened = ExpertSource(ExpertSet("sft", str(tmp_path / "data")))
    opened.load()
    folder = tmp_path / "data"
    assert [opened.where(row) for row in range(3)] == [
        f"{folder / 'train-0.jsonl'}, line 1",
        f"{folder / 'train-0.jsonl'}, line 3",
        f"{folder / 'train-1.jsonl'}, line 1",
    ]


def test_rows_of_other_files_are_located_by_number(tmp_path):
    path = tmp_path / "rows.parquet"
    datasets.Dataset.from_list(ROWS).to_parquet(path)
    opened = ExpertSource(ExpertSet("sft", str(path)))
    opened.load()
    assert opened.where(2) == f"{path} [train], row 2 (counted from 0)"


def test_rows_of_a_slice_are_located_by_their_line(write):
    path = write(ROWS)
    opened = ExpertSource(ExpertSet("sft", path, split="train[1:3]"))
    opened.load()
    assert opened.where(0) == f"{path}, line 2"


def test_a_hub_dataset_is_identified_by_its_commit(monkeypatch):
    def fingerprint(commit: str) -> str:
        config = SimpleNamespace(name="default", data_files={"train": ["hf://datasets/a/b/c.json"]})
        builder = SimpleNamespace(repo_id="a/b", hash=commit, config=config)
        monkeypatch.setattr(source, "load_dataset_builder", lambda **arguments: builder)
        return ExpertSource(ExpertSet("sft", "a/b")).fingerprint()

    assert fingerprint("1234") == fingerprint("1234") != fingerprint("5678")


def test_all_broken_lines_are_listed(write):
    path = write([json.dumps(ROWS[0]), '{"message": [', "[1]", json.dumps(ROWS[1]), '{"a" 1}'])
    text = refused(path)
    assert "expert set 'sft': 3 problems" in text
    assert f"{path}, line 2: not JSON" in text
    assert f"{path}, line 3: got a JSON list, expected an object" in text
    assert f"{path}, line 5: not JSON: Expecting ':' delimiter at column 6" in text


@pytest.mark.parametrize("value", ["[" * 100_000, "9" * 5000], ids=["depth", "digits"])
@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_json_that_python_cannot_parse_is_named(value, suffix, tmp_path):
    path = tmp_path / f"train{suffix}"
    path.write_text(f'{json.dumps(ROWS[0])}\n{{"message": {value}}}\n')
    assert f"{path}, line 2: not JSON" in refused(path)


def test_a_line_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_bytes(b'{"message": "a"}\n{"message": "\xff"}\n')
    assert f"{path}, line 2: not UTF-8 text" in refused(path)


def test_a_broken_json_array_is_named_with_its_line(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text('[\n{"message": "a"},\n{"message" "b"}\n]')
    assert f"{path}: not JSON: Expecting ':' delimiter at line 3, column 12" in refused(path)


def test_ten_problems_are_listed_and_all_are_counted(write):
    text = refused(write(["x"] * 25))
    assert "25 problems" in text
    assert text.count("not JSON") == 10
    assert "... and 15 more" in text


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", ""), ("b.jsonl", "\n\n"), ("c.json", "[]"), ("d.json", "")],
)
def test_a_file_without_rows_is_refused(name, content, tmp_path):
    path = tmp_path / name
    path.write_text(content)
    text = refused(path)
    assert f"`{PATH_KEY}`: got {str(path)!r}" in text
    assert "has no rows" in text


def test_a_parquet_file_without_rows_is_refused(tmp_path):
    path = tmp_path / "rows.parquet"
    datasets.Dataset.from_list(ROWS).select([]).to_parquet(path)
    assert "has no rows" in refused(path)


def test_a_folder_without_data_is_refused(tmp_path):
    assert PATH_KEY in refused(tmp_path)


def test_a_missing_path_names_the_key_and_what_is_nearby(tmp_path, write):
    write(ROWS, "data/train.jsonl")
    (tmp_path / "data" / "old").mkdir()
    path = tmp_path / "data" / "trian.jsonl"
    text = refused(path)
    assert f"`{PATH_KEY}`: got {str(path)!r}, which does not exist; expected" in text
    assert f"{tmp_path / 'data'} contains: old/, train.jsonl." in text


def test_a_missing_folder_lists_the_nearest_one(tmp_path, write):
    write(ROWS, "train.jsonl")
    text = refused(tmp_path / "no" / "such" / "folder")
    assert f"{tmp_path} contains: train.jsonl." in text


def test_a_path_that_is_not_set_is_refused():
    with pytest.raises(ExpertDataError, match=f"`{PATH_KEY}`: got None, expected a folder"):
        ExpertSet("sft", None)


def test_a_hub_id_that_cannot_be_downloaded_is_refused(monkeypatch, tmp_path):
    def unreachable(**arguments):
        raise ConnectionError("no network")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(source, "load_dataset_builder", unreachable)
    assert "does not exist and could not be downloaded from the hub" in refused("someone/some-data")


def test_an_unknown_suffix_is_refused(tmp_path):
    Path(tmp_path, "rows.csv").write_text("a,b\n1,2\n")
    assert "got the suffix '.csv', expected one of .jsonl" in refused(tmp_path / "rows.csv")


def test_an_unknown_split_lists_those_that_exist(write, tmp_path):
    write(ROWS, "data/train.jsonl")
    text = refused(tmp_path / "data", split="test")
    assert "sft.split`: got 'test'" in text
    assert "expected one of the splits of" in text


def test_an_unknown_subset_is_refused(write, tmp_path):
    write(ROWS, "data/train.jsonl")
    assert "subset_name 'hard'" in refused(tmp_path / "data", subset_name="hard")


MIXED = [
    {**chat("?", '"yes"'), "tools": [{"default": "1"}], "id": 1},
    {**chat("?", "null"), "tools": [{"default": 1}], "id": "1"},
    {**chat("?", "1"), "tools": [{"default": {"deep": "true"}}], "id": None, "late": 1.0},
]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.jsonl.gz", "a.json.gz"])
def test_a_value_is_kept_whatever_types_it_has_in_other_rows(name, tmp_path):
    text = "\n".join(map(json.dumps, MIXED)) if "jsonl" in name else json.dumps(MIXED)
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    expected = [{**row, "late": row.get("late")} for row in MIXED]
    assert load(path) == load(tmp_path) == expected


def test_a_column_of_several_types_cannot_be_a_column_of_scores(write):
    opened = ExpertSource(ExpertSet("sft", write(MIXED)))
    with pytest.raises(ExpertDataError, match="column 'id': got values of several types"):
        opened.column("id")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"message": "\\ud800"}', "not text: got '\\ud800', half of a surrogate pair"),
        ('{"message": 1, "message": 2}', "the key 'message' appears twice"),
        ('{"message": "' + "x" * (4 * 2**20) + '"}', "expected at most 4,194,304"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_line(write, line, problem):
    path = write([json.dumps(ROWS[0]), line, json.dumps(ROWS[1])])
    text = refused(path)
    assert f"{path}, line 2: " in text
    assert problem in text
    assert "1 problem" in text


def test_a_truncated_gzip_file_is_named(tmp_path):
    path = tmp_path / "train.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(ROWS[0]).encode() * 99)[:-12])
    assert f"{path}: not a complete gzip file" in refused(path)


@pytest.mark.slow
def test_a_line_of_200_mb_is_refused_without_being_read(tmp_path):
    path = tmp_path / "train.jsonl"
    with path.open("wb") as file:
        file.write(b'{"message": "')
        for _ in range(200):
            file.write(b"x" * 10**6)
        file.write(b'"}\n' + json.dumps(ROWS[0]).encode())
    tracemalloc.start()
    assert f"{path}, line 1: got a row of 200,000,016 bytes" in refused(path)
    assert tracemalloc.get_traced_memory()[1] < 30 * 10**6
    tracemalloc.stop()


def test_mixed_types_that_datasets_would_change_are_refused(tmp_path):
    lines = "\n".join(map(json.dumps, MIXED))
    (tmp_path / "train.jsonl.bz2").write_bytes(bz2.compress(lines.encode()))
    assert "got values of several types in " in refused(tmp_path)
