"""Rows longer than max_model_len. The row ("x", answer) has 20 + len(answer) + 2 tokens."""

import pytest
from trinity.common.config import FormatConfig

from tests.expert_data.chats import CHAT_TEMPLATE, chat
from tests.expert_data.reading import read
from trinity_chord.expert_data import ExpertDataError, ExpertSet

ROWS = [chat("x", "a" * n) for n in (1, 5, 9)]  # 23, 27 and 31 tokens, prompts of 20.


def test_longer_rows_are_dropped_and_counted(write, open_stream):
    stream = open_stream({"sft": write(ROWS)}, max_model_len=27)
    (report,) = stream.report.sets
    assert (report.rows_read, report.kept, report.dropped, report.cut) == (3, 2, 1, 0)
    assert (report.tokens, report.shortest, report.longest) == (23 + 27, 23, 31)
    assert {e.info["expert_index"] for e in read(stream, 2)} == {0, 1}


def test_longer_rows_are_cut_from_the_right_and_counted(write, open_stream):
    stream = open_stream({"sft": write(ROWS)}, max_model_len=25, overlong="cut")
    (report,) = stream.report.sets
    assert (report.kept, report.dropped, report.cut, report.tokens) == (3, 0, 2, 23 + 25 + 25)
    rows = {e.info["expert_index"]: e for e in read(stream, 3)}
    assert [len(rows[i].tokens) for i in range(3)] == [23, 25, 25]
    assert rows[2].prompt_length == 20
    assert [rows[i].truncate_status for i in range(3)] == [None] + ["response_truncated"] * 2


def test_a_cut_row_is_the_start_of_the_whole_row(write, open_stream):
    path = write([chat("x", "abcdefgh")])
    (whole,) = read(open_stream({"sft": path}), 1)
    (cut,) = read(open_stream({"sft": path}, max_model_len=24, overlong="cut"), 1)
    assert cut.tokens.tolist() == whole.tokens[:24].tolist()
    assert len(cut.action_mask) == 4


def test_the_mask_of_a_cut_multi_turn_row_is_cut_with_it(write, open_stream):
    """Prompt 20; 2 tokens for "a"<|im_end|> are marked, then 4 tokens of the next turn follow."""
    turns = chat("x", "a")["message"] + chat("y", "b")["message"]
    form = FormatConfig(enable_concatenated_multi_turn=True, chat_template=CHAT_TEMPLATE)
    sets = [ExpertSet("sft", write([{"message": turns}]), format=form)]
    (row,) = read(open_stream(sets, max_model_len=26, overlong="cut"), 1)
    assert row.action_mask.tolist() == [True] * 2 + [False] * 4


def test_a_prompt_that_leaves_no_room_is_dropped_even_when_cutting(write, open_stream):
    rows = [chat("x", "y"), chat("x" * 9, "y"), chat("x" * 8, "y")]  # Prompts of 20, 28 and 27.
    stream = open_stream({"sft": write(rows)}, max_model_len=28, overlong="cut")
    assert (stream.report.kept, stream.report.dropped, stream.report.cut) == (2, 1, 1)


def test_overlong_error_lists_the_rows(write, open_stream):
    with pytest.raises(ExpertDataError, match=r"1 problem\n  1. row 2 .*: got 31 tokens") as caught:
        open_stream({"sft": write(ROWS)}, max_model_len=27, overlong="error")
    assert "Raise `max_model_len` to 31" in str(caught.value)


def test_overlong_error_lets_fitting_rows_pass(write, open_stream):
    stream = open_stream({"sft": write(ROWS)}, max_model_len=31, overlong="error")
    assert stream.report.kept == 3


def test_all_rows_too_long_names_lengths_and_remedy(write, open_stream):
    expected = "got 22, expected at least 23 .* longer .23 to 31 tokens"
    with pytest.raises(ExpertDataError, match=expected) as caught:
        open_stream({"sft": write(ROWS)}, max_model_len=22)
    assert "31 keeps all rows" in str(caught.value)


def test_all_prompts_too_long_names_the_shortest_prompt(write, open_stream):
    with pytest.raises(ExpertDataError, match="the shortest prompt of its 3 rows has 20 tokens"):
        open_stream({"sft": write(ROWS)}, max_model_len=20, overlong="cut")
