"""Rows read by key, in addition to the sequence of rows."""

import asyncio
import json

import pyarrow as pa
import pytest

from tests.expert_data.chats import chat
from tests.expert_data.reading import read
from trinity_chord.expert_data import (
    ExpertDataError,
    ExpertSet,
    PairBy,
    Quality,
)
from trinity_chord.expert_data.pairs import as_keys


@pytest.fixture
def open_keyed(write, open_stream):
    """Open rows 0, 1, ... with these ids, one set for each list of ids."""

    def open_sets(*sets, pair_by=PairBy("id"), **settings):  # noqa: B008
        listed = [
            ExpertSet(
                name,
                write(
                    [chat("?", str(i)) | {"id": key} for i, key in enumerate(keys)], f"{name}.jsonl"
                ),
            )
            for name, keys in zip("ab", sets, strict=False)
        ]
        return open_stream(listed, pair_by=pair_by, **settings)

    return open_sets


@pytest.fixture
def read_for(taken):
    return lambda stream, *keys: taken(asyncio.run(stream.read_for(keys)))


def test_a_row_is_found_by_a_column(open_keyed, read_for):
    stream = open_keyed(["x", "y", "z"])
    assert read_for(stream, "z", "x") == [("a", 2), ("a", 0)]


def test_a_row_is_found_by_its_number_in_the_source(write_numbered, open_stream, read_for):
    stream = open_stream({"a": write_numbered(3)}, pair_by=PairBy())
    assert read_for(stream, "2", "0") == [("a", 2), ("a", 0)]


def test_the_number_is_that_of_the_source_if_rows_are_dropped(write, open_stream, read_for):
    path = write([chat("?", "long answer"), chat("?", "1"), chat("?", "2")])
    stream = open_stream({"a": path}, max_model_len=25, pair_by=PairBy())
    assert (stream.has("0"), stream.has("1")) == (False, True)
    assert read_for(stream, "1") == [("a", 1)]


def test_whole_numbers_and_text_are_the_same_key(open_keyed):
    assert open_keyed([7, 8]).has("7")
    assert open_keyed(["7", "8"]).has("7")


def test_several_rows_of_a_key_take_turns(open_keyed, read_for):
    stream = open_keyed(["x", "y", "x"])
    assert read_for(stream, "x", "x", "y", "x") == [("a", 0), ("a", 2), ("a", 1), ("a", 0)]
    assert read_for(stream, "x") == [("a", 2)]
    assert (stream.visits("x"), stream.visits("y"), stream.visits("z")) == (4, 1, 0)


def test_the_rows_of_several_sets_take_turns(open_keyed, read_for):
    stream = open_keyed(["x"], ["y", "x"])
    assert read_for(stream, "x", "x", "x") == [("a", 0), ("b", 1), ("a", 0)]


def test_a_row_repeated_for_its_quality_has_a_turn_for_each_repeat(write, open_stream, read_for):
    rows = [chat("?", str(i)) | {"id": "x", "score": i} for i in range(2)]
    sets = [ExpertSet("a", write(rows), quality=Quality("score", [0, 90]))]
    stream = open_stream(sets, pair_by=PairBy("id"))  # row 0 once, row 1 twice
    assert read_for(stream, "x", "x", "x", "x") == [("a", 0), ("a", 1), ("a", 1), ("a", 0)]


def test_pairs_do_not_advance_the_sequence(open_keyed, read_for, taken):
    stream, untouched = open_keyed("xyzuvw"), open_keyed("xyzuvw")
    first, _, second, third = read_for(stream, None, "x", None, None)
    assert [first, second, third, *taken(read(stream, 3))] == taken(read(untouched, 6))


def test_each_visit_of_a_row_has_its_own_eid(open_keyed):
    rows = asyncio.run(open_keyed(["x", "y"]).read_for(["x", "x"]))
    assert [row.eid.uid for row in rows] == ["expert/a/0/0/0/e0", "expert/a/0/1/0/e1"]


def test_turns_and_position_survive_a_checkpoint(open_keyed, read_for):
    first, resumed = open_keyed("xyx"), open_keyed("xyx")
    read_for(first, "x", None, "x", "x")
    resumed.load_state_dict(json.loads(json.dumps(first.state_dict())))
    keys = ("x", None, "x", "y", None, None, None)
    assert read_for(resumed, *keys) == read_for(first, *keys)


def test_an_incomplete_batch_advances_nothing(open_keyed, read_for):
    stream = open_keyed("xx", at_end="stop")
    read_for(stream, "x", None)
    before = stream.state_dict()
    with pytest.raises(StopAsyncIteration):
        read_for(stream, "x", None, None)
    with pytest.raises(KeyError, match="no expert row has the key 'z'"):
        read_for(stream, "x", "z")
    assert stream.state_dict() == before


def test_a_state_without_pairs_starts_at_their_first_turn(open_keyed, read_for):
    stream, old = open_keyed("xyx"), open_keyed("xyx", pair_by=None)
    read(old, 2)
    assert "pairs" not in old.state_dict()
    stream.load_state_dict(old.state_dict())
    assert stream.state_dict()["sets"] == old.state_dict()["sets"]
    assert read_for(stream, "x") == [("a", 0)]


def test_turns_of_other_keys_are_refused(open_keyed):
    state = open_keyed("xyx").state_dict()
    for stream in (open_keyed("xyy"), open_keyed("xyx", pair_by=None)):
        with pytest.raises(ExpertDataError, match="other keys of the expert rows"):
            stream.load_state_dict(state)


@pytest.mark.parametrize("visits", [None, {"x": -1}, {"x": "1"}, {"z": 1}, [1]])
def test_damaged_visit_counts_are_refused_and_change_nothing(open_keyed, visits):
    stream = open_keyed("xyx")
    state = stream.state_dict()
    state["pairs"]["visits"] = visits
    with pytest.raises(ExpertDataError, match="state is damaged"):
        stream.load_state_dict(state)
    assert stream.visits("x") == 0


def test_pairs_are_counted_separately(open_keyed, read_for):
    stream = open_keyed("xyzu")
    read_for(stream, "x", None, "y")
    assert stream.metrics() == {
        "expert_data/rows_read": 1.0,
        "expert_data/epoch": 0.25,
        "expert_data/pairs_read": 2.0,
    }


def test_a_filler_is_the_shortest_prompt_with_one_token_of_its_answer(write, open_stream):
    paths = {
        "a": write([chat("a longer prompt", "yes"), chat("long", "yes")], "a.jsonl"),
        "b": write([chat("?", "no")], "b.jsonl"),
    }
    stream = open_stream(paths)
    before = stream.state_dict()
    rows = stream.fillers(2)
    assert [row.info["expert_set"] for row in rows] == ["b", "b"]
    assert [len(row.tokens) - row.prompt_length for row in rows] == [1, 1]
    assert len({row.eid.uid for row in rows}) == 2
    assert stream.state_dict() == before
    (whole,) = read(open_stream({"b": paths["b"]}), 1)
    assert rows[0].tokens.tolist() == whole.tokens[: whole.prompt_length + 1].tolist()


def test_an_unknown_column_names_those_that_exist(open_keyed):
    with pytest.raises(
        ExpertDataError, match=r"got 'task', expected one of the columns: message, id"
    ):
        open_keyed("xy", pair_by=PairBy("task"))


def test_a_column_of_decimals_is_refused(open_keyed):
    with pytest.raises(
        ExpertDataError, match=r"'id': got values of type double, expected text or whole"
    ):
        open_keyed([1.5, 2.0])


def test_a_row_without_a_key_is_refused():
    with pytest.raises(ExpertDataError, match="no value in 1 of 3 rows \\(the first is row 1"):
        as_keys(pa.chunked_array([["x"], [None, "y"]]))
