"""Encoded rows equal those of Trinity's SFTFormatter."""

import json

import pytest
import torch
from trinity.common.config import FormatConfig
from trinity.common.constants import PromptType

from tests.expert_data.chats import CHAT_TEMPLATE, chat
from tests.expert_data.reading import read
from trinity_chord.expert_data import ExpertSet
from trinity_chord.expert_data.encoded import FEATURES, EncodedRow

TURNS = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "2+3=?"},
    {"role": "assistant", "content": "5"},
    {"role": "user", "content": "and 4+4?"},
    {"role": "assistant", "content": "it is 8"},
]
TOOLS = [{"name": "add", "parameters": {"a": "int", "b": "int"}}]
PLAIN = {"prompt": "2+3=?", "response": "5", "system": "be exact"}
PLAINTEXT = PromptType.PLAINTEXT

CASES = {
    "messages": ({"message": TURNS}, {}),
    "messages under another key": ({"chat": TURNS}, {"messages_key": "chat"}),
    "messages as text": ({"message": json.dumps(TURNS)}, {}),
    "multi-turn": ({"message": TURNS}, {"enable_concatenated_multi_turn": True}),
    "multi-turn by generation tags": (
        {"message": TURNS},
        {"enable_concatenated_multi_turn": True, "chat_template": CHAT_TEMPLATE},
    ),
    "tools as a list": ({"message": TURNS, "tools": TOOLS}, {}),
    "tools as text": ({"message": TURNS, "tools": json.dumps(TOOLS)}, {}),
    "tools as empty text": ({"message": TURNS, "tools": ""}, {}),
    "tools in many turns": (
        {"message": TURNS, "functions": json.dumps(TOOLS)},
        {"enable_concatenated_multi_turn": True, "tools_key": "functions"},
    ),
    "thinking": ({"message": TURNS}, {"enable_thinking": True}),
    "no thinking": ({"message": TURNS}, {"enable_thinking": False}),
    "another chat template": (
        {"message": TURNS},
        {"chat_template": CHAT_TEMPLATE.replace("<|im_end|>", "<|im_end|>!")},
    ),
    "plaintext": (PLAIN, {"prompt_type": PLAINTEXT}),
    "plaintext with a system prompt": (
        PLAIN,
        {"prompt_type": PLAINTEXT, "system_prompt": "be kind"},
    ),
    "plaintext with a system column": (
        PLAIN,
        {"prompt_type": PLAINTEXT, "system_prompt": "be kind", "system_prompt_key": "system"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_row_equals_trinitys_formatter(case, write, open_stream, tokenizer_path):
    from trinity.buffer.schema.formatter import SFTFormatter

    row, keys = CASES[case]
    form = FormatConfig(**keys)
    stream = open_stream([ExpertSet("sft", write([row]), format=form)])
    (ours,) = read(stream, 1)
    theirs = SFTFormatter(tokenizer_path, form).format(row)
    assert ours.tokens.tolist() == theirs.tokens.tolist()
    assert ours.prompt_length == theirs.prompt_length
    assert ours.action_mask.tolist() == theirs.action_mask.bool().tolist()
    assert ours.experience_type == theirs.experience_type


def test_lengths_computed_by_hand(write, open_stream):
    """1 token each for <|im_start|>, <|im_end|> and every character.

    prompt: <|im_start|>user⏎1+1<|im_end|>⏎ = 1+4+1+3+1+1 = 11, <|im_start|>assistant⏎ = 1+9+1 = 11;
    response: 2<|im_end|>⏎ = 3.
    """
    (row,) = read(open_stream({"sft": write([chat("1+1", "2")])}), 1)
    assert (row.prompt_length, len(row.tokens)) == (22, 25)
    assert row.action_mask.tolist() == [True] * 3


def test_multi_turn_marks_the_turns_of_the_assistant_only(write, open_stream):
    """With generation tags only the characters of each answer and its <|im_end|> are marked.

    Between the answers "a" and "bc" there are ⏎, <|im_start|>user⏎y<|im_end|>⏎ (9) and
    <|im_start|>assistant⏎ (11): 21 tokens.
    """
    turns = [
        {"role": role, "content": content}
        for role, content in [("user", "x"), ("assistant", "a"), ("user", "y"), ("assistant", "bc")]
    ]
    form = FormatConfig(enable_concatenated_multi_turn=True, chat_template=CHAT_TEMPLATE)
    (row,) = read(open_stream([ExpertSet("s", write([{"message": turns}]), format=form)]), 1)
    assert row.prompt_length == 9 + 11
    assert row.action_mask.tolist() == [True] * 2 + [False] * 21 + [True] * 3 + [False]


def test_thinking_is_passed_to_the_chat_template(write, open_stream, tokenizer):
    form = FormatConfig(enable_thinking=True)
    (row,) = read(open_stream([ExpertSet("s", write([chat("x", "y")]), format=form)]), 1)
    assert tokenizer.decode(row.tokens).startswith("/think\n<|im_start|>user")


def test_dtypes_and_shapes_are_those_of_a_rollout(write, open_stream):
    (row,) = read(open_stream({"sft": write([chat("x", "yz")])}), 1)
    assert (row.tokens.dtype, row.action_mask.dtype) == (torch.int32, torch.bool)
    assert row.action_mask.shape == (len(row.tokens) - row.prompt_length,)


def test_the_cached_columns_are_the_fields_of_a_row():
    assert list(FEATURES) == list(EncodedRow.__annotations__)


def test_a_row_knows_its_set_and_source_row(write, open_stream):
    (row,) = read(open_stream({"sft": write([chat("x", "y")])}), 1)
    assert row.info == {"expert_set": "sft", "expert_index": 0}
    assert row.eid.uid == "expert/sft/0/0/0/e0"


def test_a_batch_survives_trinitys_serialization(write_numbered, open_stream):
    from trinity.common.experience import Experience

    batch = read(open_stream({"sft": write_numbered(3)}), 3)
    again = Experience.deserialize_many(Experience.serialize_many(batch))
    assert [e.tokens.tolist() for e in again] == [e.tokens.tolist() for e in batch]
