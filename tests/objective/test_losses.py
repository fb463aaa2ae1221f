import math

import numpy as np
import pytest
import torch
from trinity.algorithm.policy_loss_fn.ppo_policy_loss import PPOPolicyLossFn

from trinity_chord.objective import clipped_policy_gradient, expert_loss, keep, weighted_sum
from trinity_chord.objective.losses import rows_of


@pytest.mark.parametrize(
    ("ratio", "advantage", "expected"),
    [
        (1.0, 2.0, -2.0),
        (1.5, 2.0, -2.4),  # clipped at 1.2
        (0.5, 2.0, -1.0),
        (0.5, -2.0, 1.6),  # clipped at 0.8
        (1.5, -2.0, 3.0),
        (4.0, -2.0, 6.0),  # dual clip at 3
    ],
)
def test_token_loss_by_hand(ratio, advantage, expected):
    found = clipped_policy_gradient(
        torch.tensor(math.log(ratio), dtype=torch.float64),
        torch.zeros((), dtype=torch.float64),
        torch.tensor(advantage, dtype=torch.float64),
    )
    assert found.loss.item() == pytest.approx(expected, rel=1e-12)


def test_statistics_are_trinitys():
    generator = torch.Generator().manual_seed(1)
    logprob, old = torch.randn(2, 6, 9, generator=generator, dtype=torch.float64) - 2
    advantages = torch.randn(6, 9, generator=generator, dtype=torch.float64)
    mask = torch.rand(6, 9, generator=generator) < 0.7
    trinity_loss, trinity = PPOPolicyLossFn(clip_range_low=0.1, clip_range_high=0.3)(
        logprob=logprob, old_log_probs=old, response_mask=mask, advantages=advantages
    )
    ours = clipped_policy_gradient(logprob, old, advantages, clip_low=0.1, clip_high=0.3)
    for found, expected in (
        (ours.loss, trinity_loss.item()),
        (ours.kl, trinity["ppo_kl"]),
        (ours.clipped, trinity["pg_clipfrac"]),
        (ours.clipped_lower, trinity["pg_clipfrac_lower"]),
    ):
        assert found[mask].mean().item() == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_an_extreme_ratio_stays_finite():
    found = clipped_policy_gradient(torch.tensor(0.0), torch.tensor(-1e4), torch.tensor(-1.0))
    assert np.isfinite(found.loss.item())
    assert found.kl.item() == -20.0


@pytest.mark.parametrize("wrong", [-0.5, -math.inf, math.nan])
def test_a_negative_or_nan_weight_makes_the_loss_and_the_gradient_nan(wrong):
    logprob = torch.tensor([-1.0, -2.0], requires_grad=True)
    loss = expert_loss(logprob, torch.tensor([wrong, 1.0]))
    loss.sum().backward()
    assert [math.isnan(value) for value in loss.tolist()] == [True, False]
    assert [math.isnan(value) for value in logprob.grad.tolist()] == [True, False]


def test_an_infinite_weight_is_not_hidden():
    logprob = torch.tensor([-1.0], requires_grad=True)
    loss = expert_loss(logprob, torch.tensor([math.inf]))
    loss.sum().backward()
    assert not math.isfinite(loss.item())
    assert not math.isfinite(logprob.grad.item())


def test_a_wrong_weight_of_a_masked_token_has_no_effect():
    logprob, mask = torch.tensor([-1.0, -2.0], requires_grad=True), torch.tensor([True, False])
    loss = expert_loss(keep(mask, logprob), torch.tensor([0.5, math.nan]))
    total = weighted_sum(loss, mask, torch.tensor(1.0))
    total.backward()
    assert total.item() == 0.5
    assert logprob.grad.tolist() == [-0.5, 0.0]


def test_a_weight_of_0_costs_nothing_for_an_impossible_token():
    logprob = torch.tensor([-math.inf], requires_grad=True)
    loss = expert_loss(logprob, torch.tensor([0.0]))
    loss.sum().backward()
    assert (loss.item(), logprob.grad.item()) == (0.0, 0.0)


def test_the_rows_of_a_kind_are_selected():
    assert rows_of(torch.tensor([True, False, True])).tolist() == [0, 2]
    assert rows_of(torch.tensor([True, True])) is ...
    assert rows_of(torch.tensor(True)) is ...


def test_a_kind_without_rows_is_one_row_that_its_mask_leaves_out():
    assert rows_of(torch.tensor([False, False])) == slice(0, 1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_a_masked_value_is_0_and_another_keeps_its_bits(dtype):
    values = torch.tensor([[math.nan, -math.inf, -0.0, 1.5]], dtype=dtype)
    kept = keep(torch.tensor([[False, False, True, True]]), values)
    assert kept.dtype == dtype
    assert kept.tolist() == [[0.0, 0.0, 0.0, 1.5]]
    assert torch.signbit(kept).tolist() == [[False, False, True, False]]


def test_a_clip_and_its_gradient_at_their_bounds():
    # r = 1.2 and 0.8 exactly are not clipped; r = 3 with A < 0 is at the dual clip's bound.
    ratio = torch.tensor([1.2, 0.8, 1.3, 0.7, 3.5, 1.0], dtype=torch.float64)
    advantages = torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0, 0.0], dtype=torch.float64)
    logprob = ratio.log().requires_grad_()
    found = clipped_policy_gradient(logprob, torch.zeros(6, dtype=torch.float64), advantages)
    found.loss.sum().backward()
    assert found.loss.tolist() == pytest.approx([-1.2, 0.8, -1.2, 0.8, 3.0, 0.0])
    assert logprob.grad.tolist()[2:] == [0.0, 0.0, 0.0, 0.0]
    assert found.clipped.tolist()[2:] == [1.0, 1.0, 0.0, 0.0]
    assert found.clipped_lower.tolist() == [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def test_the_gradient_of_the_clipped_loss_is_that_of_finite_differences():
    generator = torch.Generator().manual_seed(0)
    old = -torch.rand(4, 50, generator=generator, dtype=torch.float64)
    advantages = torch.randn(4, 50, generator=generator, dtype=torch.float64)
    logprob = old + 0.5 * torch.randn(4, 50, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda each: clipped_policy_gradient(each, old, advantages).loss,
        logprob.requires_grad_(),
    )
