import pytest

from trinity_chord.quickstart.tokenizer import build_tokenizer

MESSAGES = [{"role": "user", "content": "1+2"}, {"role": "assistant", "content": "#3"}]


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


def test_each_character_is_one_token_and_decodes_to_itself(tokenizer):
    text = "7+8+0=15;#15"
    tokens = tokenizer(text)["input_ids"]
    assert len(tokens) == len(text)
    assert tokenizer.decode(tokens) == text


def test_a_character_out_of_the_vocabulary_is_unknown(tokenizer):
    assert tokenizer("x")["input_ids"] == [tokenizer.unk_token_id]


def test_the_chat_template_marks_question_and_answer(tokenizer):
    text = tokenizer.apply_chat_template(MESSAGES, tokenize=False)
    assert text == "<|user|>1+2<|end|><|assistant|>#3<|end|>"


def test_the_generation_prompt_begins_every_conversation_with_that_question(tokenizer):
    prompt = tokenizer.apply_chat_template(MESSAGES[:1], tokenize=False, add_generation_prompt=True)
    assert prompt == "<|user|>1+2<|end|><|assistant|>"


def test_the_assistant_mask_covers_the_answer_and_its_end(tokenizer):
    rows = tokenizer.apply_chat_template(
        MESSAGES, return_dict=True, return_assistant_tokens_mask=True
    )
    # <|user|> 1 + 2 <|end|> <|assistant|> | # 3 <|end|>
    assert rows["assistant_masks"] == [0] * 6 + [1] * 3
