"""Sources: files, folders, datasets of the hub."""

import json
from types import SimpleNamespace

import datasets
import huggingface_hub
import pytest

from tests.data.sources import OPENR1_FEATURES, openr1_row, write_rows
from trinity_chord.data.errors import PrepareError
from trinity_chord.data.place import Place
from trinity_chord.data.source import Source

ROWS = [openr1_row(number) for number in range(150)]


def read(path, keep=lambda row: True, **place):
    return list(Source(Place(str(path), **place)).rows(["problem", "generations"], keep))


def read_all(path, place):
    source = Source(Place(path, **place))
    source.columns()
    return list(source.rows(["problem"]))


def refused(path, **place):
    with pytest.raises(PrepareError) as caught:
        read_all(str(path), place)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.parquet", "saved"])
def test_every_format_yields_the_requested_rows(tmp_path, name):
    path = write_rows(tmp_path / name, ROWS, OPENR1_FEATURES)
    rows = read(path, keep=lambda row: row % 7 == 0)
    assert [row.number for row in rows] == list(range(0, 150, 7))
    assert all(row.values["generations"] == ROWS[row.number]["generations"] for row in rows)
    assert sum(Source(Place(str(path))).counts) == 150


def test_an_arrow_file_that_is_not_a_stream_is_read(tmp_path):
    import pyarrow as pa

    table = pa.Table.from_pylist(ROWS[:5], OPENR1_FEATURES.arrow_schema)
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    assert [row.values["problem"] for row in read(tmp_path / "a.arrow")] == [
        row["problem"] for row in ROWS[:5]
    ]


def test_a_saved_dataset_dict_yields_one_split(tmp_path):
    both = {"train": ROWS[:3], "test": ROWS[3:5]}
    made = {name: datasets.Dataset.from_list(rows) for name, rows in both.items()}
    datasets.DatasetDict(made).save_to_disk(tmp_path / "saved")
    assert len(read(tmp_path / "saved")) == 3
    assert len(read(tmp_path / "saved", split="test")) == 2


def test_a_folder_yields_one_split_of_one_subset(tmp_path):
    write_rows(tmp_path / "one" / "train.jsonl", ROWS[:2])
    write_rows(tmp_path / "rest" / "test.jsonl", ROWS[2:5])
    configs = "- config_name: one\n  data_files: one/*\n- config_name: rest\n"
    configs += "  data_files:\n  - split: test\n    path: rest/*\n"
    (tmp_path / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    assert len(read(tmp_path, subset="one")) == 2
    assert len(read(tmp_path, subset="rest", split="test")) == 3
    assert "got the split 'train', expected one of test" in refused(tmp_path, subset="rest")
    assert "'neither'" in refused(tmp_path, subset="neither")


def test_rows_are_located_by_file_and_line(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"problem": "x"}\n\n{"problem": "y"}\n')
    assert [row.where for row in read(tmp_path / "a.jsonl")] == [
        f"{tmp_path / 'a.jsonl'}, line 1",
        f"{tmp_path / 'a.jsonl'}, line 3",
    ]


def test_for_a_missing_file_the_error_lists_its_folder(tmp_path):
    write_rows(tmp_path / "rows.jsonl", ROWS[:1])
    text = refused(tmp_path / "rosw.jsonl")
    assert f"does not exist. {tmp_path} contains: rows.jsonl. Expected: a hub id" in text


def test_an_unknown_format_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_text("problem\nx\n")
    assert "got rows.csv, expected files in .jsonl" in refused(tmp_path / "rows.csv")


@pytest.mark.parametrize("content", ["", "\n\n", "[]"])
def test_a_source_without_rows_is_refused(tmp_path, content):
    (tmp_path / "rows.json").write_text(content)
    assert "has no rows" in refused(tmp_path / "rows.json")


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_the_error_names_a_broken_file(tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(b"not what it says")
    assert f"{path} cannot be read" in refused(path)


def test_the_error_names_a_truncated_parquet_file(tmp_path):
    path = write_rows(tmp_path / "rows.parquet", ROWS, OPENR1_FEATURES)
    path.write_bytes(path.read_bytes()[:-100])
    assert f"{path} cannot be read" in refused(path)


def test_the_error_names_all_broken_lines(make, tmp_path):
    lines = [json.dumps(openr1_row(n)) for n in range(5)]
    lines[1], lines[3] = '{"problem": ', "[1]"
    lines[4] = json.dumps(openr1_row(4, generations="one"))
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    with pytest.raises(PrepareError) as caught:
        make("openr1-math", tmp_path / "rows.jsonl")
    text = str(caught.value)
    assert "line 2: not JSON" in text
    assert "line 4: got a JSON list, expected an object" in text
    assert "line 5: generations: got 'one', expected a list" in text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"correctness_math_verify": ["true"]},
            "correctness_math_verify: got 'true' in the list, expected true",
        ),
        ({"generations": [1]}, "generations: got 1 in the list, expected text"),
        ({"problem": ["x"]}, r"problem: got \['x'\], expected text"),
        ({"answer": [1]}, r"answer: got \[1\], expected text or a number"),
    ],
)
def test_values_of_the_wrong_type_are_located_by_line(make, changes, message):
    with pytest.raises(PrepareError, match=f"line 2: {message}"):
        make("openr1-math", [openr1_row(0), openr1_row(1, **changes)])


def test_the_error_names_all_missing_columns_and_the_existing_ones(make):
    rows = [{"problem": "x", "solution": "y"}]
    with pytest.raises(PrepareError) as caught:
        make("openr1-math", rows)
    text = str(caught.value)
    assert "lacks the columns answer, generations, correctness_math_verify" in text
    assert "it has problem, solution" in text


def test_the_data_of_another_public_source_are_recognized(make):
    rows = [{"system": "s", "conversations": []}]
    with pytest.raises(PrepareError, match="looks like a source of `prepare toolace`"):
        make("openr1-math", rows)


def test_an_unreachable_hub_is_one_clear_error():
    text = refused("open-r1/OpenR1-Math-220k")
    assert "could not be downloaded from the hub (OfflineModeIsEnabled" in text
    assert "give its folder" in text


def test_a_hub_dataset_is_downloaded_at_the_commit_of_its_revision(monkeypatch, tmp_path):
    path = write_rows(tmp_path / "0.parquet", ROWS, OPENR1_FEATURES)
    asked = {}

    def builder(path, **arguments):
        asked.update(arguments)
        url = "hf://datasets/a/b@c0ffee/0.parquet"
        return SimpleNamespace(config=SimpleNamespace(data_files={"train": [url]}))

    info = SimpleNamespace(sha="c0ffee")
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *a, **k: info)
    monkeypatch.setattr(datasets, "load_dataset_builder", builder)
    monkeypatch.setattr(datasets.DownloadManager, "download", lambda self, urls: [str(path)])
    source = Source(Place("a/b", revision="main"))
    assert asked == {"name": None, "revision": "c0ffee"}
    assert (source.revision, sum(source.counts)) == ("c0ffee", 150)
