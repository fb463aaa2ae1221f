"""Rows are tokenized once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from trinity.common.config import FormatConfig

from tests.expert_data.chats import CHAT_TEMPLATE, build_tokenizer, chat
from tests.expert_data.reading import read
from trinity_chord.expert_data import ExpertDataError, ExpertSet, ExpertStream, StreamSettings

SECOND_PROCESS = """
import asyncio, json, sys
from trinity_chord.cpu import activate
activate()
from trinity.buffer.schema.formatter import SFTFormatter
from trinity_chord.expert_data import ExpertSet, ExpertStream, StreamSettings
def refuse(self, sample):
    raise AssertionError("tokenized again")
SFTFormatter.format = refuse
path, tokenizer, cache = sys.argv[1:]
stream = ExpertStream([ExpertSet("sft", path)], StreamSettings(tokenizer, 1000, cache_dir=cache))
rows = [e.tokens.tolist() for e in asyncio.run(stream.read(5))]
print(json.dumps([stream.report.sets[0].from_cache, stream.state_dict(), rows]))
"""


@pytest.fixture
def formatted(monkeypatch) -> list:
    """The rows that Trinity's formatter was called with."""
    from trinity.buffer.schema.formatter import SFTFormatter

    asked, original = [], SFTFormatter.format

    def count(self, sample):
        asked.append(sample)
        return original(self, sample)

    monkeypatch.setattr(SFTFormatter, "format", count)
    return asked


def test_three_epochs_tokenize_each_row_once(write_numbered, open_stream, formatted):
    stream = open_stream({"sft": write_numbered(5)})
    read(stream, 15)
    assert len(formatted) == 5


def test_a_second_stream_tokenizes_nothing(write_numbered, open_stream, formatted):
    path = write_numbered(5)
    first, second = open_stream({"sft": path}), open_stream({"sft": path})
    assert len(formatted) == 5
    assert [s.report.sets[0].from_cache for s in (first, second)] == [False, True]


def test_a_second_process_tokenizes_nothing(write_numbered, open_stream, tokenizer_path, tmp_path):
    path = write_numbered(5)
    stream = open_stream({"sft": path})
    rows = [e.tokens.tolist() for e in read(stream, 5)]
    command = [sys.executable, "-c", SECOND_PROCESS, path, tokenizer_path, str(tmp_path / "cache")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [True, stream.state_dict(), rows]


def test_another_max_model_len_tokenizes_nothing(write_numbered, open_stream, formatted):
    path = write_numbered(5)
    open_stream({"sft": path}, max_model_len=100)
    open_stream({"sft": path}, max_model_len=99, overlong="cut")
    assert len(formatted) == 5


def test_a_copy_of_the_file_elsewhere_tokenizes_nothing(write_numbered, open_stream, formatted):
    open_stream({"sft": write_numbered(5)})
    open_stream({"sft": write_numbered(5, "copy/train.jsonl")})
    assert len(formatted) == 5


@pytest.mark.parametrize(
    "change",
    [
        {"enable_thinking": True},
        {"chat_template": CHAT_TEMPLATE + " "},
        {"system_prompt": "Be brief."},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_format_tokenizes_again(change, write_numbered, open_stream, formatted):
    path = write_numbered(2)
    open_stream({"sft": path})
    open_stream([ExpertSet("sft", path, format=FormatConfig(**change))])
    assert len(formatted) == 4


def test_a_changed_row_tokenizes_again(write, open_stream, formatted):
    open_stream({"sft": write([chat("x", "1")])})
    (row,) = read(open_stream({"sft": write([chat("x", "2")])}), 1)
    assert len(formatted) == 2
    assert row.tokens[20] == build_tokenizer().convert_tokens_to_ids("2")


def test_another_chat_template_of_the_tokenizer_tokenizes_again(
    write_numbered, open_stream, formatted, tmp_path, tokenizer_path
):
    other = build_tokenizer()
    other.chat_template = CHAT_TEMPLATE + "."
    other.save_pretrained(tmp_path / "other")
    path = write_numbered(2)
    for folder in (tokenizer_path, str(tmp_path / "other")):
        settings = StreamSettings(folder, 1000, cache_dir=tmp_path / "cache")
        ExpertStream([ExpertSet("sft", path)], settings)
    assert len(formatted) == 4


def test_a_truncated_cache_file_is_written_again(write_numbered, open_stream, formatted, tmp_path):
    path = write_numbered(3)
    rows = [e.tokens.tolist() for e in read(open_stream({"sft": path}), 3)]
    (arrow,) = Path(tmp_path, "cache").glob("*.arrow")
    arrow.write_bytes(arrow.read_bytes()[:-100])
    again = read(open_stream({"sft": path}), 3)
    assert [e.tokens.tolist() for e in again] == rows
    assert len(formatted) == 6


def test_a_refused_set_leaves_nothing_in_the_cache(write, open_stream, tmp_path):
    template = "{{ raise_exception('no') }}"
    sets = [ExpertSet("sft", write([chat("x", "y")]), format=FormatConfig(chat_template=template))]
    with pytest.raises(ExpertDataError):
        open_stream(sets)
    assert list(Path(tmp_path, "cache").iterdir()) == []


def test_without_a_cache_folder_the_tokens_are_deleted_with_the_stream(write_numbered, open_stream):
    stream = open_stream({"sft": write_numbered(3)}, cache_dir=None)
    folder = Path(stream._temporary.name)
    assert len(read(stream, 3)) == 3
    assert len(list(folder.glob("*.arrow"))) == 1
    stream._temporary.cleanup()
    assert not folder.exists()
