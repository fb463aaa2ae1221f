"""Rows that cannot be training examples are reported before anything is tokenized."""

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
    """Return the error message for rows of a format."""

    def text(rows, **keys) -> str:
        with pytest.raises(ExpertDataError) as caught:
            open_stream([ExpertSet("sft", write(rows), format=FormatConfig(**keys))])
        return str(caught.value)

    return text


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (messages(), "`message`: got [], expected a list with at least one message"),
        ({"message": None}, "`message`: got None, expected a list"),
        (messages(USER), "got no assistant turn (roles: user)"),
        (
            messages(USER, ANSWER, USER),
            "`message`: got 'user' as the last role, expected 'assistant'",
        ),
        (messages(USER, EMPTY), "`message[1]`: got an empty assistant turn"),
        (messages(USER, {**ANSWER, "content": None}), "`message[1]`: got an empty assistant turn"),
        (messages({"content": "x"}, ANSWER), "`message[0]`: got {"),
    ],
)
def test_a_bad_row_is_named_with_file_and_line(row, expected, problem, tmp_path):
    text = problem([GOOD, row])
    assert f"{tmp_path / 'train.jsonl'}, line 2: " in text
    assert expected in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[{", "`message`: got text that is not JSON"),
        ("9" * 5000, "`message`: got text that is not JSON: Exceeds the limit"),
        ('"hello"', "`message`: got 'hello', expected a list"),
        ('["hello"]', "`message[0]`: got 'hello', expected an object with a role"),
        ('[{"role": "user", "content": 3}]', "got a content of type int, expected text"),
        (
            '[{"role": "user", "content": [{"type": "image", "image": "a.png"}]}]',
            "expected text. Images need a model with an image processor",
        ),
    ],
)
def test_bad_messages_as_text_are_reported(value, expected, problem):
    assert expected in problem([{"message": value}])


def test_content_in_text_parts_is_good(write, open_stream):
    parts = [{"role": "user", "content": "x"}, {"role": "assistant", "content": [{"text": "y"}]}]
    assert open_stream({"sft": write([{"message": json.dumps(parts)}])}).report.kept == 1


def test_a_turn_with_tool_calls_needs_no_content(write, open_stream):
    call = {"role": "assistant", "content": "", "tool_calls": [{"name": "add"}]}
    assert open_stream({"sft": write([messages(USER, call)])}).report.kept == 1


def test_an_empty_earlier_answer_matters_only_if_it_is_learned(write, open_stream, problem):
    row = messages(USER, EMPTY, USER, ANSWER)
    assert open_stream({"sft": write([row])}).report.kept == 1
    assert "`message[1]`: got an empty assistant turn" in problem(
        [row], enable_concatenated_multi_turn=True
    )


def test_a_missing_messages_key_lists_the_columns(problem):
    text = problem([{"messages": GOOD["message"], "id": 1}])
    key = "buffer.trainer_input.auxiliary_buffers.sft.format.messages_key"
    assert f"`{key}`: got 'message', expected the name of a column" in text
    assert "The columns are: messages, id." in text


def test_all_missing_plaintext_columns_are_reported_at_once(problem):
    text = problem(
        [{"question": "x"}], prompt_type=PromptType.PLAINTEXT, system_prompt_key="system"
    )
    assert "3 problems" in text
    for key in (
        "prompt_key`: got 'prompt'",
        "response_key`: got 'response'",
        "system_prompt_key`: got",
    ):
        assert key in text


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": "x", "response": ""}, "`response`: got '', expected text"),
        ({"prompt": None, "response": "y"}, "`prompt`: got None, expected text"),
    ],
)
def test_an_empty_prompt_or_response_is_reported(row, expected, problem):
    good = {"prompt": "x", "response": "y"}
    assert expected in problem([good, row], prompt_type=PromptType.PLAINTEXT)


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ("{", "`tools`: got text that is not JSON"),
        ('{"a": 1}', "`tools`: got {'a': 1}, expected a list"),
    ],
)
def test_bad_tools_are_reported(tools, expected, problem):
    assert expected in problem([{**GOOD, "tools": tools}])


def test_problems_are_found_before_anything_is_tokenized(problem, monkeypatch):
    from trinity.buffer.schema.formatter import SFTFormatter

    asked = []
    monkeypatch.setattr(SFTFormatter, "format", lambda self, sample: asked.append(sample))
    problem([GOOD] * 3 + [messages(USER)])
    assert asked == []


def test_all_bad_rows_are_counted_and_ten_are_listed(problem):
    text = problem([GOOD, *[messages(USER)] * 12])
    assert "12 problems" in text
    assert text.count("no assistant turn") == 10
    assert "... and 2 more" in text


def test_a_row_that_the_chat_template_refuses_is_reported(problem, tmp_path):
    text = problem([GOOD], chat_template="{{ raise_exception('roles must alternate') }}")
    assert f"{tmp_path / 'train.jsonl'}, line 1: cannot be encoded" in text
    assert "roles must alternate" in text


def test_a_row_that_cannot_be_encoded_is_named_next_to_one_that_can(problem, tmp_path):
    template = (
        "{% for m in messages %}{{ m['content'] }}"
        "{% if m['content'] == 'bad' %}{{ raise_exception('bad') }}{% endif %}{% endfor %}"
    )
    text = problem([GOOD, chat("bad", "y")], chat_template=template)
    assert f"{tmp_path / 'train.jsonl'}, line 2: cannot be encoded" in text


def test_a_prompt_that_is_not_shorter_than_the_row_is_reported(problem):
    text = problem(
        [GOOD], chat_template="{% for m in messages[:1] %}{{ m['content'] }}{% endfor %}"
    )
    assert "Token ids must be larger than the prompt length" in text


def test_a_template_that_marks_no_answer_is_reported(problem):
    template = "{% for m in messages %}{{ m['content'] }}{% endfor %}{# {% generation %} #}"
    text = problem([GOOD], enable_concatenated_multi_turn=True, chat_template=template)
    assert "got no response tokens, expected an assistant turn" in text


def test_more_image_tags_than_images_are_reported(problem):
    row = {"prompt": "look: <image>", "response": "y"}
    text = problem([row], prompt_type=PromptType.PLAINTEXT)
    assert "More <image> tags in prompt than images provided" in text


@pytest.mark.parametrize("key", ["image_key", "video_key"])
def test_a_model_of_text_refuses_images_and_videos(key, problem):
    text = problem([GOOD], **{key: "pictures"})
    assert f"format.{key}`: got 'pictures', expected None" in text


def test_a_tokenizer_without_a_chat_template_is_refused(write, tmp_path):
    bare = build_tokenizer()
    bare.chat_template = None
    bare.save_pretrained(tmp_path / "bare")
    with pytest.raises(ExpertDataError, match=r"format\.chat_template`: got None"):
        ExpertStream([ExpertSet("s", write([GOOD]))], StreamSettings(str(tmp_path / "bare"), 99))


def test_a_problem_that_most_rows_share_is_listed_once(problem):
    template = "{{ raise_exception('no such role') }}"
    text = problem([GOOD] * 20, chat_template=template)
    assert text.count("no such role") == 1
    assert "(as in 19 other rows)" in text


def test_a_chat_template_that_cannot_be_parsed_is_named_without_a_row(problem):
    text = problem([GOOD] * 20, chat_template="{% for %}")
    assert "line 1" in text
    assert "train.jsonl" not in text
