"""Rows that cannot be a training example are named before anything is tokenised."""

import json

import pytest
from trinity.common.config import FormatConfig
from trinity.common.constants import PromptType

from tests.expert_data.chats import build_tokenizer, chat
from trinity_chord.expert_data import ExpertDataError, ExpertSet, ExpertStream, StreamSettings

GOOD = chat("x", "y")
USER = {"role": "user", "content": "x"}
ANSWER = {"role": "assistant", "content": "y"}
EMPTY = {"role": "assistant", "content": ""}


def messages(*turns) -> dict:
    return {"message": list(turns)}


@pytest.fixture
def problem(write, open_stream):
    """Return the text of the error that rows of a format give."""

    def text(rows, **keys) -> str:
        with pytest.raises(ExpertDataError) as caught:
            open_stream([ExpertSet("sft", write(rows), format=FormatConfig(**keys))])
        return str(caught.value)

    return text


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (messages(), "message is [], expected a list with at least one message"),
        ({"message": None}, "message is None, expected a list"),
        (messages(USER), "no turn of the assistant (the roles are: user)"),
        (messages(USER, ANSWER, USER), "message ends with a turn of 'user', expected 'assistant'"),
        (messages(USER, EMPTY), "message[1] is a turn of the assistant with an empty content"),
        (messages(USER, {**ANSWER, "content": None}), "message[1] is a turn of the assistant"),
        (messages({"content": "x"}, ANSWER), "message[0] is {"),
    ],
)
def test_a_bad_row_is_named_with_file_and_line(row, wanted, problem, tmp_path):
    text = problem([GOOD, row])
    assert f"{tmp_path / 'train.jsonl'}, line 2: " in text
    assert wanted in text


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("[{", "message is text that is not JSON"),
        ('"hello"', "message is 'hello', expected a list"),
        ('["hello"]', "message[0] is 'hello', expected an object with a role"),
        ('[{"role": "user", "content": 3}]', "has a content of type int, expected text"),
        (
            '[{"role": "user", "content": [{"type": "image", "image": "a.png"}]}]',
            "the expert stream reads text only",
        ),
    ],
)
def test_bad_messages_as_text_are_named(value, wanted, problem):
    assert wanted in problem([{"message": value}])


def test_content_in_text_parts_is_good(write, open_stream):
    parts = [{"role": "user", "content": "x"}, {"role": "assistant", "content": [{"text": "y"}]}]
    assert open_stream({"sft": write([{"message": json.dumps(parts)}])}).report.kept == 1


def test_a_turn_of_tool_calls_needs_no_content(write, open_stream):
    call = {"role": "assistant", "content": "", "tool_calls": [{"name": "add"}]}
    assert open_stream({"sft": write([messages(USER, call)])}).report.kept == 1


def test_an_empty_earlier_answer_matters_only_where_it_is_learnt(write, open_stream, problem):
    row = messages(USER, EMPTY, USER, ANSWER)
    assert open_stream({"sft": write([row])}).report.kept == 1
    assert "message[1] is a turn" in problem([row], enable_concatenated_multi_turn=True)


def test_a_missing_messages_key_lists_the_columns(problem):
    text = problem([{"messages": GOOD["message"], "id": 1}])
    key = "buffer.trainer_input.auxiliary_buffers.sft.format.messages_key"
    assert f"{key} is 'message', which is not a column" in text
    assert "The columns are: messages, id." in text


def test_all_missing_plaintext_columns_are_named_at_once(problem):
    text = problem(
        [{"question": "x"}], prompt_type=PromptType.PLAINTEXT, system_prompt_key="system"
    )
    assert "3 problems" in text
    for key in ("prompt_key is 'prompt'", "response_key is 'response'", "system_prompt_key is"):
        assert key in text


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({"prompt": "x", "response": ""}, "response is '', expected text"),
        ({"prompt": None, "response": "y"}, "prompt is None, expected text"),
    ],
)
def test_an_empty_prompt_or_response_is_named(row, wanted, problem):
    good = {"prompt": "x", "response": "y"}
    assert wanted in problem([good, row], prompt_type=PromptType.PLAINTEXT)


@pytest.mark.parametrize(
    ("tools", "wanted"),
    [("{", "tools is text that is not JSON"), ('{"a": 1}', "tools is {'a': 1}, expected a list")],
)
def test_bad_tools_are_named(tools, wanted, problem):
    assert wanted in problem([{**GOOD, "tools": tools}])


def test_problems_are_found_before_anything_is_tokenised(problem, monkeypatch):
    from trinity.buffer.schema.formatter import SFTFormatter

    asked = []
    monkeypatch.setattr(SFTFormatter, "format", lambda self, sample: asked.append(sample))
    problem([GOOD] * 3 + [messages(USER)])
    assert asked == []


def test_all_bad_rows_are_counted_and_ten_are_listed(problem):
    text = problem([GOOD, *[messages(USER)] * 12])
    assert "12 problems" in text
    assert text.count("no turn of the assistant") == 10
    assert "... and 2 more" in text


def test_what_the_chat_template_refuses_is_named(problem, tmp_path):
    text = problem([GOOD], chat_template="{{ raise_exception('roles must alternate') }}")
    assert f"{tmp_path / 'train.jsonl'}, line 1: cannot be encoded" in text
    assert "roles must alternate" in text


def test_a_prompt_that_is_not_shorter_than_the_whole_is_named(problem):
    text = problem(
        [GOOD], chat_template="{% for m in messages[:1] %}{{ m['content'] }}{% endfor %}"
    )
    assert "Token ids must be larger than the prompt length" in text


def test_a_template_that_marks_no_answer_is_named(problem):
    template = "{% for m in messages %}{{ m['content'] }}{% endfor %}{# {% generation %} #}"
    text = problem([GOOD], enable_concatenated_multi_turn=True, chat_template=template)
    assert "no token belongs to a turn of the assistant" in text


def test_more_image_tags_than_images_are_named(problem):
    row = {"prompt": "look: <image>", "response": "y"}
    text = problem([row], prompt_type=PromptType.PLAINTEXT)
    assert "More <image> tags in prompt than images provided" in text


@pytest.mark.parametrize("key", ["image_key", "video_key"])
def test_images_and_videos_are_refused(key, problem):
    text = problem([GOOD], **{key: "pictures"})
    assert f"format.{key} is 'pictures', but the expert stream reads text only" in text


def test_a_tokenizer_without_a_chat_template_is_refused(write, tmp_path):
    bare = build_tokenizer()
    bare.chat_template = None
    bare.save_pretrained(tmp_path / "bare")
    with pytest.raises(ExpertDataError, match=r"format\.chat_template is not set"):
        ExpertStream([ExpertSet("s", write([GOOD]))], StreamSettings(str(tmp_path / "bare"), 99))
