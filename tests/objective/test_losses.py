import math

import numpy as np
import pytest
import torch
from trinity.algorithm.policy_loss_fn.ppo_policy_loss import PPOPolicyLossFn

from trinity_chord.objective import clipped_policy_gradient


@pytest.mark.parametrize(
    ("ratio", "advantage", "wanted"),
    [
        (1.0, 2.0, -2.0),
        (1.5, 2.0, -2.4),  # clipped at 1.2
        (0.5, 2.0, -1.0),
        (0.5, -2.0, 1.6),  # clipped at 0.8
        (1.5, -2.0, 3.0),
        (4.0, -2.0, 6.0),  # dual clip at 3
    ],
)
def test_token_loss_by_hand(ratio, advantage, wanted):
    found = clipped_policy_gradient(
        torch.tensor(math.log(ratio), dtype=torch.float64),
        torch.zeros((), dtype=torch.float64),
        torch.tensor(advantage, dtype=torch.float64),
    )
    assert found.loss.item() == pytest.approx(wanted, rel=1e-12)


def test_statistics_are_trinitys():
    generator = torch.Generator().manual_seed(1)
    logprob, old = torch.randn(2, 6, 9, generator=generator, dtype=torch.float64) - 2
    advantages = torch.randn(6, 9, generator=generator, dtype=torch.float64)
    mask = torch.rand(6, 9, generator=generator) < 0.7
    trinity_loss, trinity = PPOPolicyLossFn(clip_range_low=0.1, clip_range_high=0.3)(
        logprob=logprob, old_log_probs=old, response_mask=mask, advantages=advantages
    )
    ours = clipped_policy_gradient(logprob, old, advantages, clip_low=0.1, clip_high=0.3)
    for found, wanted in (
        (ours.loss, trinity_loss.item()),
        (ours.kl, trinity["ppo_kl"]),
        (ours.clipped, trinity["pg_clipfrac"]),
        (ours.clipped_lower, trinity["pg_clipfrac_lower"]),
    ):
        assert found[mask].mean().item() == pytest.approx(wanted, rel=1e-7, abs=1e-9)


def test_gradient_is_the_finite_difference():
    logprob = torch.tensor([-1.0, -0.2, -3.0], dtype=torch.float64, requires_grad=True)
    old = torch.tensor([-1.1, -1.0, -2.0], dtype=torch.float64)
    advantages = torch.tensor([1.0, 2.0, -1.5], dtype=torch.float64)
    torch.autograd.gradcheck(
        lambda x: clipped_policy_gradient(x, old, advantages).loss, (logprob,), eps=1e-6
    )


def test_a_far_ratio_stays_finite():
    found = clipped_policy_gradient(torch.tensor(0.0), torch.tensor(-1e4), torch.tensor(-1.0))
    assert np.isfinite(found.loss.item())
    assert found.kl.item() == -20.0
