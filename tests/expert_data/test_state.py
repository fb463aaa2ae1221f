"""Resuming from a saved position."""

import json

import pytest

from tests.expert_data.chats import chat
from tests.expert_data.reading import read
from trinity_chord.expert_data import ExpertDataError, ExpertSet


@pytest.fixture
def sets(write_numbered):
    def make(share: float = 1, rows: int = 5) -> list[ExpertSet]:
        return [
            ExpertSet("math", write_numbered(rows, "math.jsonl"), share=2),
            ExpertSet("tools", write_numbered(3, "tools.jsonl"), share=share),
        ]

    return make


@pytest.mark.parametrize("before", [0, 1, 4, 5, 7, 8, 29])
def test_a_resumed_stream_continues_exactly(before, sets, open_stream, taken):
    """In 29 + 20 rows the sets, of 5 and 3 rows, reach the end of an epoch several times."""
    whole = taken(read(open_stream(sets()), before + 20))
    first = open_stream(sets())
    read(first, before)
    resumed = open_stream(sets())
    resumed.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert taken(read(resumed, 20)) == whole[before:]


def test_the_state_names_epoch_position_and_identity(write_numbered, open_stream):
    stream = open_stream({"sft": write_numbered(4)}, seed=9)
    read(stream, 6)
    state = stream.state_dict()
    saved = state["sets"]["sft"]
    assert state["version"] == 1
    assert {k: saved[k] for k in ("epoch", "position", "rows", "seed", "share")} == {
        "epoch": 1,
        "position": 2,
        "rows": 4,
        "seed": 9,
        "share": 1.0,
    }
    assert len(saved["fingerprint"]) == 32


@pytest.mark.parametrize("current_index", [0, 3, 11])
def test_trinitys_own_state_means_rows_read(current_index, sets, open_stream, taken):
    whole = taken(read(open_stream(sets()), current_index + 6))
    stream = open_stream(sets())
    stream.load_state_dict({"current_index": current_index})
    assert taken(read(stream, 6)) == whole[current_index:]


def test_a_moved_file_resumes(write_numbered, open_stream):
    state = open_stream({"sft": write_numbered(4)}).state_dict()
    open_stream({"sft": write_numbered(4, "moved/there.jsonl")}).load_state_dict(state)


def test_a_higher_max_model_len_that_keeps_the_same_rows_resumes(write_numbered, open_stream):
    path = write_numbered(4)
    state = open_stream({"sft": path}, max_model_len=100).state_dict()
    open_stream({"sft": path}, max_model_len=200).load_state_dict(state)


def refused(stream, state) -> str:
    before = stream.state_dict()
    with pytest.raises(ExpertDataError) as caught:
        stream.load_state_dict(state)
    assert stream.state_dict() == before
    return str(caught.value)


def test_another_seed_is_refused(write_numbered, open_stream):
    path = write_numbered(4)
    state = open_stream({"sft": path}, seed=1).state_dict()
    text = refused(open_stream({"sft": path}, seed=2), state)
    assert "`seed`: got 1, expected 2" in text
    assert "start a new run" in text


def test_other_rows_are_refused(write_numbered, open_stream):
    state = open_stream({"sft": write_numbered(4)}).state_dict()
    assert "`rows`: got 4, expected 5" in refused(open_stream({"sft": write_numbered(5)}), state)


def test_other_content_of_the_same_size_is_refused(write, write_numbered, open_stream):
    state = open_stream({"sft": write_numbered(2)}).state_dict()
    text = refused(open_stream({"sft": write([chat("?", "0"), chat("?", "7")])}), state)
    assert "`fingerprint`: got" in text
    assert "`rows`" not in text


def test_another_share_is_refused(sets, open_stream):
    state = open_stream(sets(share=1)).state_dict()
    assert "`share`: got 1, expected 4" in refused(open_stream(sets(share=4)), state)


def test_other_sets_are_refused(write_numbered, open_stream):
    path = write_numbered(2)
    state = open_stream({"a": path}).state_dict()
    text = refused(open_stream({"b": path}), state)
    assert "got the sets ['a'], expected ['b']" in text


@pytest.mark.parametrize("change", [{"position": 4}, {"position": -1}, {"epoch": None}])
def test_a_damaged_position_is_refused(change, write_numbered, open_stream):
    stream = open_stream({"sft": write_numbered(4)})
    state = stream.state_dict()
    state["sets"]["sft"] |= change
    assert "expected whole numbers with position below 4" in refused(stream, state)


@pytest.mark.parametrize("state", [{}, {"version": 2, "sets": {}}, {"offset": 3}])
def test_an_unknown_state_is_refused(state, write_numbered, open_stream):
    text = refused(open_stream({"sft": write_numbered(1)}), state)
    assert "expected version 1" in text


def test_a_damaged_current_index_is_refused(write_numbered, open_stream):
    text = refused(open_stream({"sft": write_numbered(1)}), {"current_index": "7"})
    assert "saved expert state: `current_index`: got '7'" in text
