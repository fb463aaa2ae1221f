"""The folder of a set: complete or absent, never overwritten; interrupted runs resume."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from filelock import FileLock

from tests.data.sources import openr1_row, write_rows
from trinity_chord.data import scan
from trinity_chord.data.errors import PrepareError

ROWS = [openr1_row(number) for number in range(200)]


class StoppedError(Exception):
    """Stands for a signal: not one of our errors."""


def stop_after(monkeypatch, rows):
    """Make the scan end abruptly after some rows; return the list of the rows it examines."""
    examined = []
    true_scan = scan.to_line

    def to_line(found):
        examined.append(found[0].row)
        if len(examined) > rows:
            raise StoppedError
        return true_scan(found)

    monkeypatch.setattr(scan, "to_line", to_line)
    return examined


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_only_the_set_and_its_manifest_remain(make, tmp_path):
    make("openr1-math", ROWS)
    assert sorted(content(tmp_path / "out")) == [
        "manifest.json",
        "rl/train.jsonl",
        "sft/train.jsonl",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "source.jsonl"]


def test_an_interrupted_run_leaves_nothing_that_looks_complete(make, tmp_path, monkeypatch):
    stop_after(monkeypatch, 100)
    with pytest.raises(StoppedError):
        make("openr1-math", ROWS)
    assert not (tmp_path / "out").exists()
    assert "manifest.json" not in content(tmp_path / ".out.preparing")


def test_a_later_run_resumes_and_makes_the_same_bytes(make, tmp_path, monkeypatch):
    make("openr1-math", ROWS, out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_after(patch, 100)
        with pytest.raises(StoppedError):
            make("openr1-math", ROWS)
    with (tmp_path / ".out.preparing/scan-0.jsonl").open("ab") as journal:
        journal.write(b'[[100, "cut off')
    examined = stop_after(monkeypatch, 1000)
    make("openr1-math", ROWS)
    assert 90 <= examined[0] <= 100
    assert examined[-1] == 199
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    assert not (tmp_path / ".out.preparing").exists()


def test_a_run_stopped_while_writing_can_be_repeated(make, tmp_path, monkeypatch):
    make("openr1-math", ROWS, out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *paths: exec("raise KeyboardInterrupt"))
        with pytest.raises(KeyboardInterrupt):
            make("openr1-math", ROWS)
    assert not (tmp_path / "out").exists()
    make("openr1-math", ROWS)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_run_with_other_arguments_starts_from_scratch(make, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 100)
        with pytest.raises(StoppedError):
            make("openr1-math", ROWS)
    examined = stop_after(monkeypatch, 1000)
    make("openr1-math", ROWS, seed=1)
    assert examined == list(range(200))


def test_a_killed_process_leaves_nothing_that_looks_complete(tmp_path, tokenizer_path):
    source = write_rows(tmp_path / "source.jsonl", ROWS)
    program = f"""
        import os, signal
        from trinity_chord.data import scan
        true, done = scan.to_line, []
        def to_line(found):
            done.append(found)
            if len(done) == 70:
                os.kill(os.getpid(), signal.SIGKILL)
            return true(found)
        scan.to_line = to_line
        from trinity_chord.cli import app
        app(["prepare", "openr1-math", "--source", {str(source)!r}, "--out",
             {str(tmp_path / "out")!r}, "--tokenizer", {tokenizer_path!r}])
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    assert (tmp_path / ".out.preparing").exists()


def test_repeating_a_finished_run_changes_nothing(make, tmp_path):
    first = make("openr1-math", ROWS)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = make("openr1-math", tmp_path / "source.jsonl")
    assert (first.made_now, again.made_now) == (True, False)
    assert again.manifest == first.manifest
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_set_with_other_arguments_is_not_overwritten(make, tmp_path):
    make("openr1-math", ROWS)
    before = content(tmp_path / "out")
    with pytest.raises(PrepareError) as caught:
        make("openr1-math", tmp_path / "source.jsonl", seed=1, rl=7)
    text = str(caught.value)
    assert "seed: got 1, the set has 42" in text
    assert "rl: got 7, the set has 3" in text
    assert "Give another folder, or remove this one" in text
    assert content(tmp_path / "out") == before


def test_a_changed_set_is_reported(make, tmp_path):
    make("openr1-math", ROWS)
    (tmp_path / "out/rl/train.jsonl").write_text("{}\n")
    with pytest.raises(PrepareError, match=r"rl/train\.jsonl is missing or differs"):
        make("openr1-math", tmp_path / "source.jsonl")


def test_a_changed_source_is_reported(make, tmp_path):
    make("openr1-math", ROWS)
    write_rows(tmp_path / "source.jsonl", ROWS[:100])
    with pytest.raises(PrepareError, match=r"source\.jsonl' has changed since"):
        make("openr1-math", tmp_path / "source.jsonl")


@pytest.mark.parametrize("name", ["notes.txt", "manifest.json"])
def test_a_folder_with_other_files_is_not_touched(make, tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("{}")
    with pytest.raises(PrepareError, match="exists but is not a prepared set"):
        make("openr1-math", ROWS)
    assert content(tmp_path / "out") == {name: b"{}"}


def test_a_file_at_the_path_of_the_folder_is_not_touched(make, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(PrepareError, match="exists but is not a prepared set"):
        make("openr1-math", ROWS)


def test_an_empty_folder_is_filled(make, tmp_path):
    (tmp_path / "out").mkdir()
    assert make("openr1-math", ROWS).made_now


def test_a_second_process_is_refused(make, tmp_path):
    folder = tmp_path / ".out.preparing"
    folder.mkdir()
    with FileLock(folder / "lock"), pytest.raises(PrepareError, match="another process"):
        make("openr1-math", ROWS)
    assert make("openr1-math", ROWS).made_now


def test_the_manifest_records_how_the_set_was_made(make, tmp_path, tokenizer_path):
    made = make("openr1-math", ROWS, without=("cjk",))
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest == made.manifest
    assert manifest["seed"] == 42
    assert manifest["arguments"]["without"] == ["cjk"]
    assert manifest["sources"][0]["rows"] == 200
    assert manifest["sources"][0]["files"][0]["name"] == "source.jsonl"
    assert manifest["tokenizer"]["path"] == tokenizer_path
    assert len(manifest["tokenizer"]["sha256"]) == 64
    assert {"python", "trinity-chord", "datasets", "tokenizers"} <= {*manifest["versions"]}
    assert manifest["outputs"]["rl"]["columns"] == ["problem", "answer", "id"]
    assert manifest["outputs"]["sft"]["rows"] == 3
