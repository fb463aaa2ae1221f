"""The sampler against a fresh forward pass, row by row."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from trinity_chord.sampling.generate import Row, SamplingParams, sample

EOS = 2
PROMPTS = [[5, 6, 7], [8, 9, 10, 11, 12, 13, 14, 15, 16], [20]]


@pytest.fixture(scope="module")
def model(model_path: Path):
    return AutoModelForCausalLM.from_pretrained(
        model_path, dtype=torch.float32, attn_implementation="sdpa"
    ).eval()


def rows_of(seed: int = 0, **params) -> list[Row]:
    sampling = SamplingParams(**{"max_tokens": 12, **params})
    return [Row(prompt, sampling, seed + i) for i, prompt in enumerate(PROMPTS)]


def fresh_logits(model, row: Row) -> torch.Tensor:
    """Logits of each response token, from one forward pass without padding."""
    with torch.no_grad():
        return model(torch.tensor([row.prompt + row.response])).logits[0, len(row.prompt) - 1 : -1]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_logprobs_are_those_of_a_fresh_forward_pass(model, temperature):
    rows = rows_of(temperature=temperature, top_k=40, top_p=0.9)
    sample(model, rows, [EOS])
    for row in rows:
        logprobs = (fresh_logits(model, row) / temperature).log_softmax(-1)
        expected = logprobs.gather(-1, torch.tensor(row.response)[:, None]).squeeze(-1)
        torch.testing.assert_close(torch.tensor(row.logprobs), expected, atol=1e-5, rtol=0)


def test_temperature_0_takes_the_most_probable_token(model):
    rows = rows_of(temperature=0.0)
    sample(model, rows, [EOS])
    for row in rows:
        assert fresh_logits(model, row).argmax(-1).tolist() == row.response


def test_top_k_1_is_greedy(model):
    greedy, top_1 = rows_of(temperature=0.0), rows_of(temperature=1.0, top_k=1)
    sample(model, greedy, [EOS])
    sample(model, top_1, [EOS])
    assert [row.response for row in greedy] == [row.response for row in top_1]


def test_top_p_samples_from_the_smallest_set_that_holds_the_probability(model):
    rows = [Row(PROMPTS[0], SamplingParams(max_tokens=1, top_p=0.3), seed) for seed in range(200)]
    sample(model, rows, [EOS])
    probabilities, order = fresh_logits(model, rows[0])[0].softmax(-1).sort(descending=True)
    size = int((probabilities.cumsum(-1) < 0.3).sum()) + 1
    assert {row.response[0] for row in rows} <= set(order[:size].tolist())
    assert len({row.response[0] for row in rows}) > 1


def test_samples_follow_the_distribution_of_the_model(model):
    rows = [Row(PROMPTS[0], SamplingParams(max_tokens=1), seed) for seed in range(4000)]
    sample(model, rows, [EOS])
    expected = fresh_logits(model, rows[0])[0].softmax(-1)
    counts = torch.bincount(
        torch.tensor([row.response[0] for row in rows]), minlength=len(expected)
    )
    chi_squared = ((counts - 4000 * expected) ** 2 / (4000 * expected)).sum()
    degrees = len(expected) - 1
    assert chi_squared < degrees + 5 * (2 * degrees) ** 0.5


def test_a_row_is_the_same_alone_and_in_a_batch(model):
    together = rows_of(seed=7)
    sample(model, together, [EOS])
    alone = rows_of(seed=7)
    for row in alone:
        sample(model, [row], [EOS])
    assert [row.response for row in together] == [row.response for row in alone]


def test_the_global_generator_is_neither_used_nor_moved(model):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    sample(model, first := rows_of(seed=7), [EOS])
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    sample(model, second := rows_of(seed=7), [EOS])
    assert [row.response for row in first] == [row.response for row in second]


def test_a_response_ends_with_the_first_end_of_sequence(model):
    rows = [Row(PROMPTS[0], SamplingParams(max_tokens=60), seed) for seed in range(64)]
    eos = [EOS, 30, 31, 32, 33]
    sample(model, rows, eos)
    ended = [row for row in rows if row.response[-1] in eos]
    assert ended
    for row in rows:
        assert len(row.response) == len(row.logprobs)
        assert not set(row.response[:-1]) & set(eos)
        assert row in ended or len(row.response) == 60


def test_no_response_ends_before_min_tokens(model):
    eos = list(range(0, 80))
    rows = [Row(PROMPTS[0], SamplingParams(max_tokens=9, min_tokens=4), s) for s in range(20)]
    sample(model, rows, eos)
    assert all(5 <= len(row.response) <= 9 for row in rows)
    assert min(len(row.response) for row in rows) == 5


def test_each_row_has_its_own_length(model):
    rows = [Row(PROMPTS[0], SamplingParams(max_tokens=n, ignore_eos=True), n) for n in (1, 5, 9)]
    sample(model, rows, [EOS])
    assert [len(row.response) for row in rows] == [1, 5, 9]


def test_a_strong_repetition_penalty_never_repeats_a_token(model):
    rows = rows_of(temperature=0.0, repetition_penalty=1e6, ignore_eos=True)
    sample(model, rows, [EOS])
    for row in rows:
        assert len(set(row.prompt + row.response)) == len(row.prompt + row.response)


@pytest.mark.parametrize(
    ("key", "value"),
    [("max_tokens", 0), ("temperature", -1), ("top_p", 0), ("repetition_penalty", 0)],
)
def test_a_value_out_of_range_is_named(key, value):
    with pytest.raises(ValueError, match=f"`{key}`: got {value}"):
        SamplingParams(**{"max_tokens": 1, key: value})
