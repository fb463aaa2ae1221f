import math

import pytest
import torch

from trinity_chord.objective import TOKEN_WEIGHTS, expert_loss, get_token_weight


@pytest.mark.parametrize(
    ("name", "p", "wanted"),
    [
        ("sft", 0.25, 1.0),
        ("is", 0.25, 0.25),
        ("phi", 0.25, 0.1875),  # 1/4 · 3/4
        ("phi", 0.5, 0.25),
    ],
)
def test_weight_equals_its_formula(name, p, wanted):
    weight = get_token_weight(name)(torch.tensor(math.log(p), dtype=torch.float64))
    assert weight.item() == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize("name", sorted(TOKEN_WEIGHTS))
def test_no_gradient_flows_through_a_weight(name):
    logprob = torch.tensor([-0.5, -2.0], dtype=torch.float64, requires_grad=True)
    weight = get_token_weight(name)(logprob)
    expert_loss(logprob, weight).sum().backward()
    assert torch.equal(logprob.grad, -weight)


def test_phi_stays_exact_where_p_is_almost_one():
    logprob = torch.tensor(-1e-12, dtype=torch.float64)
    assert get_token_weight("phi")(logprob).item() == pytest.approx(1e-12, rel=1e-9)


@pytest.mark.parametrize("name", ["is", "phi"])
def test_an_impossible_token_costs_nothing_under_a_vanishing_weight(name):
    logprob = torch.tensor([-math.inf], requires_grad=True)
    loss = expert_loss(logprob, get_token_weight(name)(logprob))
    loss.sum().backward()
    assert loss.item() == 0.0
    assert logprob.grad.item() == 0.0


def test_bfloat16_keeps_its_dtype_and_bounds():
    weight = get_token_weight("phi")(torch.linspace(-8, 0, 64, dtype=torch.bfloat16))
    assert weight.dtype == torch.bfloat16
    assert weight.min() >= 0
    assert weight.max() <= 0.25


def test_unknown_weight_names_the_nearest():
    with pytest.raises(ValueError, match=r"unknown token weight 'phy'.*did you mean 'phi'"):
        get_token_weight("phy")


def test_foreign_argument_is_named():
    with pytest.raises(ValueError, match=r"'phi' takes no arguments, not \['alpha'\]"):
        get_token_weight("phi", alpha=1)
