"""The folder of a set: whole or not there, never written over; interrupted runs go on."""

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
    """As a signal: no error of ours."""


def stop_after(monkeypatch, batches):
    """Lets the scan end without warning after so many batches; returns the numbers it examined."""
    examined = []
    true_scan = scan.to_line

    def to_line(found):
        examined.append(found[0].row)
        if len(examined) > batches:
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


def test_only_the_set_and_its_manifest_are_left(make, tmp_path):
    make("openr1-math", ROWS)
    assert sorted(content(tmp_path / "out")) == [
        "manifest.json",
        "rl/train.jsonl",
        "sft/train.jsonl",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "source.jsonl"]


def test_an_interrupted_run_leaves_nothing_that_looks_whole(make, tmp_path, monkeypatch):
    stop_after(monkeypatch, 100)
    with pytest.raises(StoppedError):
        make("openr1-math", ROWS)
    assert not (tmp_path / "out").exists()
    assert "manifest.json" not in content(tmp_path / ".out.preparing")


def test_a_later_run_goes_on_and_makes_the_same_bytes(make, tmp_path, monkeypatch):
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


def test_a_run_that_was_stopped_while_it_wrote_goes_on(make, tmp_path, monkeypatch):
    make("openr1-math", ROWS, out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *paths: exec("raise KeyboardInterrupt"))
        with pytest.raises(KeyboardInterrupt):
            make("openr1-math", ROWS)
    assert not (tmp_path / "out").exists()
    make("openr1-math", ROWS)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_run_with_other_arguments_begins_anew(make, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 100)
        with pytest.raises(StoppedError):
            make("openr1-math", ROWS)
    examined = stop_after(monkeypatch, 1000)
    make("openr1-math", ROWS, seed=1)
    assert examined == list(range(200))


def test_a_process_that_is_killed_leaves_nothing_that_looks_whole(tmp_path, tokenizer_path):
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


def test_the_same_arguments_again_say_that_the_set_is_there(make, tmp_path):
    first = make("openr1-math", ROWS)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = make("openr1-math", tmp_path / "source.jsonl")
    assert (first.made_now, again.made_now) == (True, False)
    assert again.manifest == first.manifest
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_set_of_other_arguments_is_not_written_over(make, tmp_path):
    make("openr1-math", ROWS)
    before = content(tmp_path / "out")
    with pytest.raises(PrepareError) as caught:
        make("openr1-math", tmp_path / "source.jsonl", seed=1, rl=7)
    text = str(caught.value)
    assert "seed was 42 and is 1 now" in text
    assert "rl was 3 and is 7 now" in text
    assert "Give another folder, or remove this one" in text
    assert content(tmp_path / "out") == before


def test_a_changed_set_is_told(make, tmp_path):
    make("openr1-math", ROWS)
    (tmp_path / "out/rl/train.jsonl").write_text("{}\n")
    with pytest.raises(PrepareError, match=r"rl/train\.jsonl is not the file that was written"):
        make("openr1-math", tmp_path / "source.jsonl")


def test_a_changed_source_is_told(make, tmp_path):
    make("openr1-math", ROWS)
    write_rows(tmp_path / "source.jsonl", ROWS[:100])
    with pytest.raises(PrepareError, match=r"source\.jsonl' holds other rows now"):
        make("openr1-math", tmp_path / "source.jsonl")


@pytest.mark.parametrize("name", ["notes.txt", "manifest.json"])
def test_a_folder_with_other_files_is_not_touched(make, tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("{}")
    with pytest.raises(PrepareError, match="exists and holds no prepared set"):
        make("openr1-math", ROWS)
    assert content(tmp_path / "out") == {name: b"{}"}


def test_a_file_in_the_place_of_the_folder_is_not_touched(make, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(PrepareError, match="exists and holds no prepared set"):
        make("openr1-math", ROWS)


def test_an_empty_folder_is_filled(make, tmp_path):
    (tmp_path / "out").mkdir()
    assert make("openr1-math", ROWS).made_now


def test_two_runs_at_once_do_not_meet(make, tmp_path):
    folder = tmp_path / ".out.preparing"
    folder.mkdir()
    with FileLock(folder / "lock"), pytest.raises(PrepareError, match="another process"):
        make("openr1-math", ROWS)
    assert make("openr1-math", ROWS).made_now


def test_the_manifest_tells_how_the_set_was_made(make, tmp_path, tokenizer_path):
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
