"""Batches, ends and metrics of the stream."""

import asyncio
import threading

import pytest

from tests.expert_data.reading import read
from trinity_chord.expert_data import (
    ExpertDataError,
    ExpertDataExhaustedError,
    ExpertSet,
    StreamSettings,
)


@pytest.fixture
def two_sets(write_numbered) -> list[ExpertSet]:
    return [
        ExpertSet("math", write_numbered(7, "math.jsonl"), share=3),
        ExpertSet("tools", write_numbered(4, "tools.jsonl"), share=1),
    ]


def test_an_epoch_gives_each_row_once(write_numbered, open_stream, taken):
    stream = open_stream({"sft": write_numbered(10)})
    rows = taken(read(stream, 6)) + taken(read(stream, 4))
    assert sorted(rows) == [("sft", i) for i in range(10)]


def test_the_second_epoch_has_another_order(write_numbered, open_stream, taken):
    stream = open_stream({"sft": write_numbered(10)})
    first, second = taken(read(stream, 10)), taken(read(stream, 10))
    assert first != second
    assert sorted(first) == sorted(second)


def test_the_seed_determines_the_order(write_numbered, open_stream, taken):
    path = write_numbered(10)
    a, b, c = (taken(read(open_stream({"sft": path}, seed=s), 10)) for s in (1, 1, 2))
    assert a == b
    assert a != c


def test_rows_do_not_depend_on_the_batch_size(two_sets, open_stream, taken):
    whole = taken(read(open_stream(two_sets), 20))
    stream = open_stream(two_sets)
    parts = [row for n in (1, 6, 0, 8, 5) for row in taken(read(stream, n))]
    assert parts == whole


def test_a_batch_may_be_larger_than_the_set(write_numbered, open_stream, taken):
    rows = taken(read(open_stream({"sft": write_numbered(2)}), 5))
    assert sorted(rows[:2]) == sorted(rows[2:4]) == [("sft", 0), ("sft", 1)]


def test_shares_are_kept(two_sets, open_stream, taken):
    stream = open_stream(two_sets)
    names = [name for _ in range(10) for name, _ in taken(read(stream, 6))]
    assert (names.count("math"), names.count("tools")) == (45, 15)


def test_the_same_row_has_another_eid_in_the_next_epoch(write_numbered, open_stream):
    a, b = read(open_stream({"sft": write_numbered(1)}), 2)
    assert (a.eid.uid, b.eid.uid) == ("expert/sft/0/0/0/e0", "expert/sft/0/1/0/e1")


def test_a_read_does_not_block_the_event_loop(write_numbered, open_stream, monkeypatch):
    stream = open_stream({"sft": write_numbered(2)})
    threads, original = [], stream._prepare
    monkeypatch.setattr(
        stream, "_prepare", lambda n: (threads.append(threading.get_ident()), original(n))[1]
    )
    asyncio.run(stream.read(1))
    assert threads != [threading.get_ident()]


def test_overlapping_reads_give_no_row_twice(write_numbered, open_stream, taken):
    stream = open_stream({"sft": write_numbered(12)})

    async def read_three():
        return await asyncio.gather(*(stream.read(4) for _ in range(3)))

    batches = asyncio.run(read_three())
    assert sorted(row for batch in batches for row in taken(batch)) == [
        ("sft", i) for i in range(12)
    ]


def test_a_cancelled_read_loses_nothing(write_numbered, open_stream, taken, monkeypatch):
    path = write_numbered(6)
    stream, untouched = open_stream({"sft": path}), open_stream({"sft": path})
    proceed, original = threading.Event(), stream._prepare

    def slow(n):
        proceed.wait(5)
        return original(n)

    async def cancel():
        reading = asyncio.create_task(stream.read(3))
        await asyncio.sleep(0.05)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        proceed.set()

    monkeypatch.setattr(stream, "_prepare", slow)
    asyncio.run(cancel())
    assert taken(read(stream, 6)) == taken(read(untouched, 6))


def test_stop_ends_a_read_with_stop_async_iteration(write_numbered, open_stream):
    stream = open_stream({"sft": write_numbered(3)}, at_end="stop")
    asyncio.run(stream.read(3))
    with pytest.raises(StopAsyncIteration, match="'sft' is exhausted"):
        asyncio.run(stream.read(1))


def test_the_error_at_the_end_names_the_rows_and_the_remedy(write_numbered, open_stream):
    stream = open_stream({"sft": write_numbered(3)}, at_end="error")
    read(stream, 2)
    with pytest.raises(ExpertDataExhaustedError) as caught:
        read(stream, 4)
    text = str(caught.value)
    assert "2 of its 3 rows (one epoch) were read, and a batch of 4 needs 4 more" in text
    assert "set `at_end` to 'cycle'" in text


@pytest.mark.parametrize("at_end", ["stop", "error"])
def test_an_incomplete_batch_advances_nothing(at_end, two_sets, open_stream, taken):
    """At 3 to 1 the 7 rows of math end at row 10, so a batch of 6 after 6 is incomplete."""
    stream, untouched = open_stream(two_sets, at_end=at_end), open_stream(two_sets)
    first = taken(read(stream, 6))
    before = stream.state_dict()
    with pytest.raises((StopAsyncIteration, ExpertDataExhaustedError)):
        read(stream, 6)
    assert stream.state_dict() == before
    assert first + taken(read(stream, 3)) == taken(read(untouched, 9))


def test_metrics_of_one_set(write_numbered, open_stream):
    stream = open_stream({"sft": write_numbered(4)})
    read(stream, 6)
    assert stream.metrics() == {"expert_data/rows_read": 6.0, "expert_data/epoch": 1.5}


def test_metrics_of_two_sets(two_sets, open_stream):
    """8 rows at 3 to 1: 6 of 7 and 2 of 4."""
    stream = open_stream(two_sets)
    read(stream, 8)
    assert stream.metrics() == pytest.approx(
        {
            "expert_data/rows_read": 8,
            "expert_data/epoch": 8 / 11,
            "expert_data/math/rows_read": 6,
            "expert_data/math/epoch": 6 / 7,
            "expert_data/tools/rows_read": 2,
            "expert_data/tools/epoch": 0.5,
        }
    )


def test_the_report_sums_over_the_sets(two_sets, open_stream):
    """Each row has 23 tokens: 20 of the prompt, one digit, <|im_end|> and a newline."""
    report = open_stream(two_sets).report
    assert (report.rows_read, report.kept, report.dropped, report.cut) == (11, 11, 0, 0)
    assert report.tokens == 11 * 23
    assert "expert set 'math': 7 rows read, 7 kept" in str(report)


def test_a_negative_batch_is_refused(write_numbered, open_stream):
    with pytest.raises(ValueError, match="-1 expert rows"):
        read(open_stream({"sft": write_numbered(1)}), -1)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"overlong": "trim"}, "`overlong`: got 'trim', expected one of 'drop', 'cut', 'error'"),
        ({"at_end": "repeat"}, "`at_end`: got 'repeat', expected one of 'cycle', 'stop', 'error'"),
        ({"max_model_len": 1}, "`max_model_len`: got 1, expected at least 2"),
        ({"seed": -1}, "`seed`: got -1, expected 0 or more"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings, expected):
    with pytest.raises(ExpertDataError, match=expected):
        StreamSettings("tokenizer", **{"max_model_len": 10} | settings)


@pytest.mark.parametrize("share", [0, -1.0, float("nan"), float("inf")])
def test_a_share_that_is_not_a_positive_number_is_refused(share):
    with pytest.raises(ExpertDataError, match="expected a finite number above 0"):
        ExpertSet("sft", "x", share=share)


def test_two_sets_with_the_same_name_are_refused(open_stream):
    with pytest.raises(ExpertDataError, match=r"got \['a'\] more than once"):
        open_stream([ExpertSet("a", "x"), ExpertSet("a", "y")])


def test_a_stream_without_sets_is_refused(open_stream):
    with pytest.raises(ExpertDataError, match="got none, expected at least one"):
        open_stream([])
