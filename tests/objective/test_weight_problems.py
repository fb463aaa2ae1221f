"""What is wrong with a weight of your own is found before a run."""

import math

import pytest
import torch

from trinity_chord.objective import ROW_WEIGHTS, TENSORS, TOKEN_WEIGHTS

REQUIRED = {"entropy": {"vocab_size": 64}}
HERE = "tests.objective.test_weight_problems"


def text(logprob):
    return "0.5"


def one_number(logprob):
    return logprob.exp().mean()


def whole_numbers(logprob):
    return torch.ones_like(logprob, dtype=torch.int64)


def double(logprob):
    return logprob.double().exp()


def negative(logprob):
    return logprob.exp() - 0.5


def infinite(logprob):
    return 1 / logprob.exp()


def logarithm(logprob):
    return -torch.log1p(-logprob.exp())


def only_a_batch(logprob):
    rows, tokens = logprob.shape
    return torch.ones(rows, tokens)


def broken(logprob):
    raise KeyError("lost")


def needs_two_tokens(logprob, mask):
    return (logprob * mask).sum(-1).square() / (mask.sum(-1) - 1)


def negative_row(logprob, mask):
    return (logprob * mask).sum(-1)


def row_mean_without_a_guard(logprob, mask):
    return (logprob.exp() * mask).sum(-1) / mask.sum(-1)


def needs_another(logprob, teacher_prob):
    return logprob.exp() * teacher_prob


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("text", "got '0.5' (str), expected a tensor of weights"),
        ("one_number", "got weights of shape [], expected [4, 6] for log π_θ of shape [4, 6]"),
        ("whole_numbers", "got weights of dtype torch.int64, expected floating-point numbers"),
        ("double", "got dtype torch.float64, expected that of log π_θ, torch.float32"),
        ("negative", "got -0.5 at log π_θ = -100, expected a finite number of at least 0"),
        ("infinite", "got inf at log π_θ = -100, expected a finite number of at least 0"),
        ("logarithm", "got inf at log π_θ = 0, expected a finite number of at least 0"),
        ("only_a_batch", "got ValueError on shape [6], expected weights: not enough values"),
        ("broken", "got KeyError on shape [4, 6], expected weights: 'lost'"),
    ],
)
def test_a_wrong_token_weight_is_described(name, problem):
    (found,) = TOKEN_WEIGHTS.bind(f"{HERE}.{name}").problems()
    assert found.startswith(f"token weight '{HERE}.{name}': {problem}")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("double", "got weights of shape [4, 6], expected [4] for log π_θ of shape [4, 6]"),
        ("needs_two_tokens", "got inf at log π_θ = -11.9184, "),
        ("negative_row", "got -600 at log π_θ = -100, -100, -100, -100, -100, -100, expected"),
    ],
)
def test_a_wrong_row_weight_is_described(name, problem):
    (found,) = ROW_WEIGHTS.bind(f"{HERE}.{name}").problems()
    assert problem in found


def test_a_row_without_tokens_may_have_any_weight():
    logprob, mask = torch.zeros(2, 3), torch.tensor([[True] * 3, [False] * 3])
    weight = ROW_WEIGHTS.bind(row_mean_without_a_guard)
    assert math.isnan(weight(logprob, mask=mask)[1].item())
    assert weight.problems() == []


@pytest.mark.parametrize("name", sorted(TOKEN_WEIGHTS))
def test_every_registered_token_weight_is_right(name):
    assert TOKEN_WEIGHTS.bind(name, **REQUIRED.get(name, {})).problems() == []


@pytest.mark.parametrize("name", sorted(ROW_WEIGHTS))
def test_every_registered_row_weight_is_right(name):
    assert ROW_WEIGHTS.bind(name).problems() == []


def test_a_wrong_shape_is_refused_in_the_loss_too():
    with pytest.raises(ValueError, match=r"got weights of shape \[\], expected \[2\]"):
        TOKEN_WEIGHTS.bind(one_number)(torch.zeros(2))


def test_the_tensors_of_every_weight_are_described():
    needs = {name for w in (*TOKEN_WEIGHTS.values(), *ROW_WEIGHTS.values()) for name in w.needs}
    assert needs == set(TENSORS)


def test_three_weights_work_in_your_own_loop_only():
    assert [name for name, weight in TOKEN_WEIGHTS.items() if weight.own_loop_only] == [
        "pear",
        "eaft",
        "margin",
    ]
    assert TOKEN_WEIGHTS.bind(needs_another).own_loop_only
    assert not any(weight.own_loop_only for weight in ROW_WEIGHTS.values())
