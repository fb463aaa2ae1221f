"""The parts of a conversation: what the assistant wrote and what it was given."""

import pytest

from tests.chat_templates import LLAMA3, QWEN3, QWEN25, TEMPLATES, TRAJECTORY, message
from tests.tiny_model import make_tokenizer
from trinity_chord.turns import TurnsError, split_turns, text_after, without_thoughts

THOUGHTS = [without_thoughts(m) for m in TRAJECTORY]


@pytest.fixture(scope="module")
def render_with():
    tokenizer = make_tokenizer()
    tokenizer.bos_token = "<|begin_of_text|>"

    def of(template, **settings):
        return lambda messages, prompt: tokenizer.apply_chat_template(
            list(messages),
            chat_template=template,
            add_generation_prompt=prompt,
            tokenize=False,
            **settings,
        )

    return of


def written(messages, render):
    return [part.text for part in split_turns(messages, render) if part.written]


def test_qwen25_and_llama3_write_each_turn_as_it_is(render_with):
    turns = [m["content"] for m in TRAJECTORY if m["role"] == "assistant"]
    assert written(TRAJECTORY, render_with(QWEN25)) == [f"{turn}<|im_end|>\n" for turn in turns]
    assert written(TRAJECTORY, render_with(LLAMA3)) == [f"{turn}<|eot_id|>" for turn in turns]


def test_qwen3_keeps_the_thoughts_of_turns_before_the_last_user_message(render_with):
    assert written(TRAJECTORY, render_with(QWEN3)) == [
        "<think>\nuse add\n</think>\n\nadd(2,3); add(4,4)<|im_end|>\n",
        "<think>\ndone\n</think>\n\n5 and 8<|im_end|>\n",
        "<think>\neasy\n</think>\n\nadd(1,1)<|im_end|>\n",
        "<think>\n\n</think>\n\n2<|im_end|>\n",
    ]


def test_the_thoughts_of_a_turn_can_be_dropped(render_with):
    plain = ["add(2,3); add(4,4)", "5 and 8", "add(1,1)", "2"]
    assert written(THOUGHTS, render_with(QWEN25)) == [f"{text}<|im_end|>\n" for text in plain]
    # With the thinking switched off, the empty thought is part of the prompt, as in a rollout.
    off = render_with(QWEN3, enable_thinking=False)
    assert written(THOUGHTS, off) == [f"{text}<|im_end|>\n" for text in plain]


@pytest.mark.parametrize("name", ["qwen2.5", "llama3"])
def test_the_parts_are_the_whole_conversation_if_the_template_leaves_nothing_out(name, render_with):
    render = render_with(TEMPLATES[name])
    joined = "".join(part.text for part in split_turns(TRAJECTORY, render))
    assert joined == render(TRAJECTORY, False)


def test_between_two_turns_lie_the_results_and_the_next_prompt(render_with):
    given = [p.text for p in split_turns(TRAJECTORY, render_with(QWEN3)) if not p.written]
    assert given[1] == (
        "<|im_start|>user\n<tool_response>\n5\n</tool_response>\n<tool_response>\n8\n"
        "</tool_response><|im_end|>\n<|im_start|>assistant\n"
    )
    assert given[2] == "<|im_start|>user\nand 1+1?<|im_end|>\n<|im_start|>assistant\n"


def test_calls_in_fields_of_their_own_are_written(render_with):
    call = {"function": {"name": "add", "arguments": {"a": 1}}}
    chat = [message("user", "1?"), message("assistant", "", tool_calls=[call])]
    chat += [message("tool", "1"), message("assistant", "one")]
    assert written(chat, render_with(QWEN25)) == [
        '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call><|im_end|>\n',
        "one<|im_end|>\n",
    ]


def test_thoughts_in_fields_of_their_own_are_dropped_too():
    turn = message("assistant", "four", reasoning_content="2+2", reasoning="2+2")
    assert without_thoughts(turn) == message("assistant", "four")
    assert without_thoughts(message("user", "</think>x")) == message("user", "</think>x")


def test_a_thought_after_an_empty_one_in_the_prompt_is_refused(render_with):
    with pytest.raises(TurnsError, match=r"message 3: .*`expert_thoughts: drop`"):
        split_turns(TRAJECTORY, render_with(QWEN3, enable_thinking=False))


@pytest.mark.parametrize("chat", [[message("user", "x")], [message("assistant", "x")]])
def test_a_conversation_needs_a_turn_after_a_prompt(chat, render_with):
    with pytest.raises(TurnsError, match="no assistant turn after a prompt"):
        split_turns(chat, render_with(QWEN25))


def test_a_template_that_changes_a_turn_when_messages_follow_is_refused(render_with):
    odd = "{% for m in messages %}{{ m.content }}{{ '.' if loop.last else ',' }}{% endfor %}"
    with pytest.raises(TurnsError, match="differently if messages follow"):
        text_after([message("user", "x")], [message("tool", "y")], render_with(odd))
