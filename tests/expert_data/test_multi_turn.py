"""Expert rows of several turns: exactly the assistant's tokens are learned."""

import json

import pytest
from trinity.common.config import FormatConfig

from tests.chat_templates import QWEN3, TEMPLATES, TRAJECTORY, message
from tests.expert_data.reading import read
from trinity_chord.expert_data import ExpertDataError, ExpertSet

MULTI_TURN = {"enable_concatenated_multi_turn": True}


@pytest.fixture
def encoded(write, open_stream, tokenizer):
    """Encode a conversation; return the learned text and the whole text."""

    def of(messages, template, thoughts="keep", **keys):
        form = FormatConfig(**MULTI_TURN, chat_template=template, **keys)
        path = write([{"message": messages}])
        (row,) = read(open_stream([ExpertSet("s", path, format=form)], thoughts=thoughts), 1)
        learned = row.tokens[row.prompt_length :][row.action_mask]
        return tokenizer.decode(learned), tokenizer.decode(row.tokens)

    return of


@pytest.mark.parametrize("name", ["qwen2.5", "llama3"])
def test_all_turns_of_the_assistant_are_learned_and_nothing_else(name, encoded, tokenizer):
    learned, whole = encoded(TRAJECTORY, TEMPLATES[name])
    closing = {"qwen2.5": "<|im_end|>\n", "llama3": "<|eot_id|>"}[name]
    turns = [m["content"] + closing for m in TRAJECTORY if m["role"] == "assistant"]
    assert learned == "".join(turns)
    rendered = tokenizer.apply_chat_template(
        TRAJECTORY, chat_template=TEMPLATES[name], tokenize=False
    )
    assert tokenizer(whole).input_ids == tokenizer(rendered).input_ids


def test_qwen3_learns_the_thoughts_of_every_turn(encoded):
    learned, whole = encoded(TRAJECTORY, QWEN3)
    assert learned == (
        "<think>\nuse add\n</think>\n\nadd(2,3); add(4,4)<|im_end|>\n"
        "<think>\ndone\n</think>\n\n5 and 8<|im_end|>\n"
        "<think>\neasy\n</think>\n\nadd(1,1)<|im_end|>\n"
        "<think>\n\n</think>\n\n2<|im_end|>\n"
    )
    assert whole.count("use add") == 1


@pytest.mark.parametrize("name", TEMPLATES)
def test_dropped_thoughts_are_neither_learned_nor_read(name, encoded):
    learned, whole = encoded(TRAJECTORY, TEMPLATES[name], "drop", enable_thinking=False)
    assert "5 and 8" in learned
    for thought in ("use add", "done", "easy"):
        assert thought not in whole
    assert "<think>" not in learned


def test_trinitys_own_mask_of_qwen3_is_shifted(tokenizer_path, tokenizer, encoded):
    """Why the turns are not found by Trinity: without thoughts it leaks into the tool's result."""
    from trinity.buffer.schema.formatter import SFTFormatter

    chat = [message("user", "1+1?"), message("assistant", "add(1,1)"), message("tool", "2")]
    chat += [message("assistant", "two")]
    form = FormatConfig(**MULTI_TURN, chat_template=QWEN3)
    theirs = SFTFormatter(tokenizer_path, form).format({"message": chat})
    mask = theirs.action_mask.bool()
    learned = tokenizer.decode(theirs.tokens[theirs.prompt_length :][mask])
    assert "add(1,1)<|im_end|>\n<|im_start|>user\n<tool_resp" in learned
    assert "tool_response" not in encoded(chat, QWEN3)[0]


def test_thoughts_of_a_single_answer_can_be_dropped(write, open_stream, tokenizer):
    chat = [message("user", "1+1?"), message("assistant", "<think>\none more\n</think>\n\n2")]
    path = write([{"message": json.dumps(chat)}])
    for thoughts, expected in (("keep", chat[1]["content"]), ("drop", "2")):
        (row,) = read(open_stream({"s": path}, thoughts=thoughts), 1)
        assert tokenizer.decode(row.tokens[row.prompt_length :]) == expected + "<|im_end|>\n"


def test_a_turn_that_is_only_a_thought_cannot_lose_it(write, open_stream):
    chat = [message("user", "x"), message("assistant", "<think>\nhm\n</think>")]
    with pytest.raises(ExpertDataError, match=r"`message\[1\]`: nothing but a thought"):
        open_stream({"s": write([{"message": chat}])}, thoughts="drop")


def test_a_thought_where_thinking_is_off_is_reported_with_its_row(write, open_stream):
    form = FormatConfig(**MULTI_TURN, chat_template=QWEN3, enable_thinking=False)
    path = write([{"message": TRAJECTORY}])
    with pytest.raises(ExpertDataError, match=r"line 1: .*`expert_thoughts: drop`"):
        open_stream([ExpertSet("s", path, format=form)])
