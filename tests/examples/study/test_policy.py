import pytest
import torch

from examples.study.policy import (
    ASSISTANT,
    END,
    PAD,
    UNKNOWN,
    USER,
    chat_prompt,
    chat_row,
    decode,
    encode,
    new_policy,
    sample,
    score_rows,
)
from trinity_chord.quickstart.tokenizer import SPECIAL as SPECIAL_TEXTS
from trinity_chord.quickstart.tokenizer import build_tokenizer

CHARACTERS = "0123456789+-=;#"


@pytest.fixture(scope="module")
def policy():
    torch.manual_seed(0)
    return new_policy("small", CHARACTERS)


def test_text_survives_encoding_and_decoding():
    assert decode(encode("1+2=3;#3", CHARACTERS), CHARACTERS) == "1+2=3;#3"


def test_the_special_tokens_are_those_of_the_tokenizer():
    tokenizer = build_tokenizer()
    expected = [PAD, UNKNOWN, USER, ASSISTANT, END]
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL_TEXTS)) == expected


def test_a_policy_has_half_a_million_parameters(policy):
    assert sum(each.numel() for each in policy.parameters()) == 498_688


def test_samples_have_the_log_probabilities_of_a_forward_pass(policy):
    prompts = [chat_prompt(text, CHARACTERS) for text in ("1+2", "3-4-5+6")]
    answers = sample(policy, prompts, 20, seed=1)
    rows = [(p, a.tokens) for p, a in zip(prompts, answers, strict=True)]
    with torch.no_grad():
        scored = score_rows(policy, rows)
    sampled = torch.tensor([value for answer in answers for value in answer.logprobs])
    torch.testing.assert_close(scored.logprob[scored.response], sampled, atol=1e-5, rtol=0)


def test_a_sample_depends_on_its_seed_alone(policy):
    prompts = [chat_prompt("1+2", CHARACTERS)] * 3
    first = [each.tokens for each in sample(policy, prompts, 10, seed=1)]
    assert [each.tokens for each in sample(policy, prompts, 10, seed=1)] == first
    assert [each.tokens for each in sample(policy, prompts, 10, seed=2)] != first


def test_samples_follow_the_probabilities(policy):
    prompts = [chat_prompt("1+2", CHARACTERS)] * 4000
    drawn = torch.tensor([each.tokens[0] for each in sample(policy, prompts, 1, seed=0)])
    with torch.no_grad():
        expected = policy(torch.tensor(prompts[:1])).logits[0, -1].softmax(-1)
    shares = torch.bincount(drawn, minlength=len(expected)) / len(drawn)
    assert (shares - expected).abs().max() < 0.03


def test_only_responses_are_scored(policy):
    rows = [chat_row("1+2", "#3", CHARACTERS), chat_row("1+2+3", "1+2=3;#6", CHARACTERS)]
    scored = score_rows(policy, rows)
    assert scored.response.sum(-1).tolist() == [3, 9]


def test_padding_changes_no_log_probability(policy):
    row = chat_row("1+2", "#3", CHARACTERS)
    with torch.no_grad():
        alone = score_rows(policy, [row])
        padded = score_rows(policy, [row, chat_row("1+2+3", "1+2=3;#6", CHARACTERS)])
    width = alone.logprob.shape[-1]
    torch.testing.assert_close(
        padded.logprob[0, :width][alone.response[0]], alone.logprob[alone.response]
    )


def test_a_row_has_the_same_figures_among_other_rows(policy):
    rows = [chat_row("1+2", "1+2=3;" * i + "#3", CHARACTERS) for i in range(20, 0, -1)]
    with torch.no_grad():
        together, alone = score_rows(policy, rows), score_rows(policy, rows[-1:])
    n = len(alone.response[0])
    assert together.logprob.shape == (20, sum(map(len, rows[0])) - 1)
    torch.testing.assert_close(together.logprob[-1, :n], alone.logprob[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(together.entropy[-1, :n], alone.entropy[0], atol=1e-5, rtol=0)
    assert together.response[-1].nonzero().tolist() == alone.response[0].nonzero().tolist()
