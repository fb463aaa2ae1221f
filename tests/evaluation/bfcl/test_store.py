import json

import pytest

from trinity_chord.evaluation.bfcl.store import SAMPLES, SETTINGS, SUMMARY, Store
from trinity_chord.evaluation.errors import EvaluationError

ONE = {"id": "a_0", "valid": True}
TWO = {"id": "a_1", "valid": False, "response": "\ud800 ü\u2028"}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs" / "one"


def test_records_survive_reopening(folder):
    store = Store(folder, {"model": "m"})
    store.add(ONE)
    store.add(TWO)
    assert Store(folder, {"model": "m"}).records == {"a_0": ONE, "a_1": TWO}


def test_an_incomplete_last_line_is_removed(folder):
    store = Store(folder, {})
    store.add(ONE)
    with (folder / SAMPLES).open("a") as file:
        file.write('{"id": "a_1", "val')
    again = Store(folder, {})
    assert again.records == {"a_0": ONE}
    again.add(TWO)
    assert Store(folder, {}).records == {"a_0": ONE, "a_1": TWO}


def test_other_settings_are_refused_with_every_difference(folder):
    Store(folder, {"model": "m", "seed": 0, "limit": None}).add(ONE)
    with pytest.raises(EvaluationError) as caught:
        Store(folder, {"model": "n", "seed": 0, "limit": 3})
    assert "limit: None there, 3 now" in str(caught.value)
    assert "model: 'm' there, 'n' now" in str(caught.value)
    assert "seed" not in str(caught.value)


def test_settings_can_change_before_the_first_sample(folder):
    Store(folder, {"model": "m"})
    Store(folder, {"model": "n"})
    assert json.loads((folder / SETTINGS).read_text()) == {"model": "n"}


def test_a_folder_with_other_files_is_refused(folder):
    folder.mkdir(parents=True)
    (folder / "notes.txt").touch()
    with pytest.raises(EvaluationError, match="holds no evaluation"):
        Store(folder, {})


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EvaluationError, match="holds no evaluation"):
        Store(tmp_path / "file", {})


def test_samples_without_settings_are_refused(folder):
    Store(folder, {}).add(ONE)
    (folder / SETTINGS).unlink()
    with pytest.raises(EvaluationError, match=r"settings\.json cannot be read"):
        Store(folder, {})


@pytest.mark.parametrize("line", ["{}", "[]", "x"])
def test_a_broken_line_is_reported_with_its_number(line, folder):
    Store(folder, {}).add(ONE)
    with (folder / SAMPLES).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(EvaluationError, match=r"samples\.jsonl: 1 problem\n  1\. line 2: "):
        Store(folder, {})


def test_the_summary_exists_only_while_all_cases_are_done(folder):
    store = Store(folder, {})
    assert not (folder / SUMMARY).exists()
    store.finish({"overall": 1})
    assert json.loads((folder / SUMMARY).read_text()) == {"overall": 1}
    store.reopen()
    assert not (folder / SUMMARY).exists()
    assert not list(folder.glob("*.part"))
