"""The objective against the paper's equations in numpy, in float64."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.aggregation import aggregate
from trinity_chord.objective import (
    TOKEN_WEIGHTS,
    chord_loss,
    clipped_policy_gradient,
    expert_loss,
    split_mask,
    stamp_rows,
    weighted_sum,
)

MODES = ("token-mean", "seq-mean-token-mean", "seq-mean-token-sum", "seq-mean-token-sum-norm")
WEIGHTS = {
    "sft": lambda p: np.ones_like(p),
    "is": lambda p: p,
    "phi": lambda p: p * (1 - p),
}


def batch(seed, rows=7, width=6, experts=3):
    generator = torch.Generator().manual_seed(seed)
    logprob = -torch.rand(rows, width, generator=generator, dtype=torch.float64) * 3
    return {
        "logprob": logprob,
        "old_logprob": logprob + 0.4 * torch.randn(logprob.shape, generator=generator).double(),
        "advantages": torch.randn(logprob.shape, generator=generator, dtype=torch.float64),
        "mask": torch.rand(rows, width, generator=generator) < 0.7,
        "expert": torch.arange(rows) >= rows - experts,
    }


def by_the_paper(data, mu, weight, on_policy_mode, expert_mode):
    logprob, old, adv, mask = (
        data[k].numpy() for k in ("logprob", "old_logprob", "advantages", "mask")
    )
    expert = data["expert"].numpy()
    ratio = np.exp(logprob - old)
    pg = np.maximum(-adv * ratio, -adv * np.clip(ratio, 0.8, 1.2))
    pg = np.where(adv < 0, np.minimum(pg, -3 * adv), pg)
    sft = -WEIGHTS[weight](np.exp(logprob)) * logprob
    width = mask.shape[1]
    counts = mask.sum(1)
    grpo = aggregate((pg * mask).sum(1)[~expert], counts[~expert], on_policy_mode, width)
    imitation = aggregate((sft * mask).sum(1)[expert], counts[expert], expert_mode, width)
    return (1 - mu) * grpo + mu * imitation


@pytest.mark.parametrize("on_policy_mode", MODES)
@pytest.mark.parametrize("expert_mode", MODES)
@pytest.mark.parametrize("weight", sorted(WEIGHTS))
def test_the_loss_equals_the_paper_to_1e_12(weight, on_policy_mode, expert_mode):
    data = batch(seed=3)
    found = chord_loss(
        **data, mu=0.3, token_weight=weight, on_policy_mode=on_policy_mode, expert_mode=expert_mode
    )
    expected = by_the_paper(data, 0.3, weight, on_policy_mode, expert_mode)
    assert found.item() == pytest.approx(expected, rel=1e-12)


def parts_of_the_gradient(data, parts, mu, on_policy_mode, expert_mode, is_open=None):
    """The gradient of a batch that is stamped as a whole and summed part by part."""
    logprob = data["logprob"].clone().requires_grad_()
    stamps = stamp_rows(
        data["mask"].sum(-1),
        data["expert"],
        mu=mu,
        width=data["mask"].shape[1],
        on_policy_mode=on_policy_mode,
        expert_mode=expert_mode,
        is_open=is_open,
    )
    for rows in parts:
        rl = clipped_policy_gradient(
            logprob[rows], data["old_logprob"][rows], data["advantages"][rows]
        )
        imitation = expert_loss(logprob[rows], TOKEN_WEIGHTS.bind("phi")(logprob[rows]))
        on_policy, on_expert = split_mask(data["mask"][rows], data["expert"][rows])
        coef = stamps.loss_coef[rows]
        part = weighted_sum(rl.loss, on_policy, coef) + weighted_sum(imitation, on_expert, coef)
        part.backward()
    return logprob.grad


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    order=st.permutations(range(7)),
    borders=st.sets(st.integers(1, 6)),
    mu=st.floats(0, 1),
    on_policy_mode=st.sampled_from(MODES),
    expert_mode=st.sampled_from(MODES),
    experts=st.integers(0, 7),
)
def test_the_gradient_does_not_depend_on_the_split(
    seed, order, borders, mu, on_policy_mode, expert_mode, experts
):
    data = batch(seed, experts=experts)
    edges = [0, *sorted(borders), 7]
    parts = [list(order[a:b]) for a, b in itertools.pairwise(edges)]
    whole = parts_of_the_gradient(data, [list(range(7))], mu, on_policy_mode, expert_mode)
    split = parts_of_the_gradient(data, parts, mu, on_policy_mode, expert_mode)
    assert torch.allclose(whole, split, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("experts", [0, 7])
def test_a_kind_without_rows_adds_zero(mode, experts):
    data = batch(seed=5, experts=experts)
    loss = chord_loss(**data, mu=0.4, on_policy_mode=mode, expert_mode=mode)
    assert torch.isfinite(loss)


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_without_a_counted_token_costs_zero(mode):
    data = batch(seed=5)
    data["mask"] = torch.zeros_like(data["mask"])
    assert chord_loss(**data, mu=0.4, on_policy_mode=mode, expert_mode=mode).item() == 0.0


@pytest.mark.parametrize("mu", [-0.1, 1.1, float("nan")])
def test_mu_outside_its_range_is_refused(mu):
    with pytest.raises(ValueError, match="mu: got"):
        chord_loss(**batch(seed=0), mu=mu)


def test_row_weight_scales_only_expert_rows():
    tokens, expert = torch.tensor([2, 2, 2]), torch.tensor([False, True, True])
    stamps = stamp_rows(tokens, expert, mu=0.5, width=2, row_weight=torch.tensor([9.0, 0.0, 3.0]))
    # One on-policy row of 2 tokens: 0.5/2. Two expert rows, 4 tokens: 0.5/4, times 0 and 3.
    assert stamps.loss_coef.tolist() == pytest.approx([0.25, 0.0, 0.375], rel=1e-15)
    assert stamps.loss_norm.tolist() == pytest.approx([0.5, 0.25, 0.25], rel=1e-15)


def test_closed_rows_are_treated_as_absent():
    data = batch(seed=3)
    is_open = torch.tensor([True, False, True, True, True, False, True])
    rest = {name: values[is_open] for name, values in data.items()}
    assert torch.equal(chord_loss(**data, mu=0.3, is_open=is_open), chord_loss(**rest, mu=0.3))


def test_a_row_weight_multiplies_the_token_weights():
    data = batch(seed=3)

    def row_length(logprob, mask):
        return mask.sum(-1).to(logprob.dtype)

    found = chord_loss(**data, mu=1.0, token_weight="sft", row_weight=row_length)
    nll = torch.where(data["mask"], -data["logprob"], 0.0)[data["expert"]].sum(-1)
    lengths = data["mask"][data["expert"]].sum(-1)
    assert found.item() == pytest.approx((lengths * nll).sum().item() / lengths.sum().item())


def test_a_weight_is_a_name_a_bound_weight_or_a_function():
    data = batch(seed=3)
    by_name = chord_loss(**data, mu=0.3, token_weight="dft")
    bound = chord_loss(**data, mu=0.3, token_weight=TOKEN_WEIGHTS.bind("power", alpha=1.0))
    function = chord_loss(**data, mu=0.3, token_weight=lambda logprob: logprob.exp())
    assert bound.item() == pytest.approx(by_name.item())
    assert function.item() == by_name.item()


def test_a_weight_may_need_the_old_log_probabilities():
    data = batch(seed=3)
    ratio = (data["logprob"] - data["old_logprob"]).exp()
    expected = -torch.where(ratio <= 1.28, ratio, 0.0) * data["logprob"]
    counted = data["mask"] & data["expert"].unsqueeze(-1)
    found = chord_loss(**data, mu=1.0, token_weight="psft")
    assert found.item() == pytest.approx(expected[counted].mean().item())


def test_a_negative_weight_makes_the_loss_nan():
    loss = chord_loss(**batch(seed=3), mu=0.3, token_weight=lambda logprob: logprob.exp() - 0.5)
    assert torch.isnan(loss)
