"""Token weights against their equations, in numpy or computed by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trinity_chord.objective import TOKEN_WEIGHTS, expert_loss

REQUIRED = {"entropy": {"vocab_size": 64}}
OTHERS = ("old_logprob", "ref_logprob", "behaviour_logprob", "best_other_logprob")


def example(rows=3, width=7, seed=0, dtype=torch.float64):
    """log π_θ of a batch and every tensor that any weight needs."""
    random = torch.Generator().manual_seed(seed)
    shape = (rows, width)
    logprob = -torch.rand(shape, generator=random, dtype=dtype) * 4
    tensors = {
        name: logprob + 0.4 * torch.randn(shape, generator=random, dtype=dtype) for name in OTHERS
    }
    tensors["entropy"] = torch.rand(shape, generator=random, dtype=dtype) * 4
    tensors["top_entropy"] = torch.rand(shape, generator=random, dtype=dtype) * 2.9
    tensors["mask"] = torch.arange(width).expand(shape) < torch.tensor([[width], [4], [1]])[:rows]
    return logprob, tensors


def weight_at(name, p, **arguments):
    found = TOKEN_WEIGHTS.bind(name, **arguments)(torch.tensor(math.log(p), dtype=torch.float64))
    return found.item()


@pytest.mark.parametrize(
    ("name", "arguments", "p", "expected"),
    [
        ("sft", {}, 0.25, 1.0),
        ("dft", {}, 0.25, 0.25),
        ("phi", {}, 0.25, 0.1875),  # 1/4 · 3/4
        ("phi", {}, 0.5, 0.25),
        ("luffy", {}, 0.1, 0.25),  # 0.1 · 0.1 / 0.2²
        ("luffy", {"gamma": 0.5}, 1.0, 2 / 9),  # 0.5 / 1.5²
        ("trsft", {}, 0.05, 0.5),
        ("trsft", {}, 0.3, 1.0),
        ("focal", {}, 0.25, 0.5625),  # (3/4)²
        ("focal", {"gamma": 0}, 0.25, 1.0),
        ("power", {"alpha": 0.5}, 0.25, 0.5),
        ("threshold", {}, 0.19, 0.0),
        ("threshold", {}, 0.21, 1.0),
        ("clipped_is", {}, 0.3, 0.3),
        ("clipped_is", {}, 0.5, 0.0),
        ("clipped_is", {"beyond": "cap"}, 0.5, 0.4),
    ],
)
def test_a_weight_equals_its_formula(name, arguments, p, expected):
    assert weight_at(name, p, **arguments) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("alias", ["is", "sft_is"])
def test_dft_is_found_by_its_aliases(alias):
    assert TOKEN_WEIGHTS.bind(alias) == TOKEN_WEIGHTS.bind("dft")


@pytest.mark.parametrize("name", sorted(TOKEN_WEIGHTS))
def test_no_gradient_flows_through_a_weight(name):
    logprob, tensors = example()
    leaves = [
        logprob.requires_grad_(),
        *(t.requires_grad_() for n, t in tensors.items() if n != "mask"),
    ]
    weight = TOKEN_WEIGHTS.bind(name, **REQUIRED.get(name, {}))(logprob, **tensors)
    expert_loss(logprob, weight).sum().backward()
    assert torch.equal(logprob.grad, -weight)
    assert all(leaf.grad is None for leaf in leaves[1:])


@pytest.mark.parametrize("name", sorted(TOKEN_WEIGHTS))
@given(seed=st.integers(0, 2**16))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_a_weight_is_finite_and_not_negative(name, seed):
    logprob, tensors = example(seed=seed)
    weight = TOKEN_WEIGHTS.bind(name, **REQUIRED.get(name, {}))(logprob, **tensors)
    assert weight.shape == logprob.shape
    assert bool(torch.isfinite(weight).all())
    assert weight.min() >= 0


@pytest.mark.parametrize("name", sorted(TOKEN_WEIGHTS))
def test_a_weight_is_finite_for_impossible_and_certain_tokens(name):
    logprob = torch.tensor([[-math.inf, 0.0, -math.inf]], dtype=torch.float64)
    _, tensors = example(rows=1, width=3)
    tensors["old_logprob"] = torch.tensor([[-math.inf, 0.0, -1.0]], dtype=torch.float64)
    weight = TOKEN_WEIGHTS.bind(name, **REQUIRED.get(name, {}))(logprob, **tensors)
    assert bool(torch.isfinite(weight).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", sorted(TOKEN_WEIGHTS))
@given(values=st.lists(st.floats(-100, 1e-6), min_size=7, max_size=7))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_a_weight_is_finite_and_not_negative_for_any_log_probability(name, dtype, values):
    # A log-probability can be rounded to slightly above 0.
    _, tensors = example(rows=1, dtype=dtype)
    logprob = torch.tensor([values], dtype=dtype)
    weight = TOKEN_WEIGHTS.bind(name, **REQUIRED.get(name, {}))(logprob, **tensors)
    assert bool(torch.isfinite(weight).all())
    assert weight.min() >= 0


@pytest.mark.parametrize("gamma", [0.25, 0.5, 0.99])
def test_focal_is_0_for_a_log_probability_above_0(gamma):
    logprob = torch.tensor([1e-7, 0.0], dtype=torch.float32)
    assert TOKEN_WEIGHTS.bind("focal", gamma=gamma)(logprob).tolist() == [0.0, 0.0]


def test_phi_is_0_for_a_log_probability_above_0():
    assert TOKEN_WEIGHTS.bind("phi")(torch.tensor([1e-7])).tolist() == [0.0]


@pytest.mark.parametrize("name", sorted(TOKEN_WEIGHTS))
def test_a_weight_keeps_bfloat16(name):
    logprob, tensors = example(dtype=torch.bfloat16)
    assert (
        TOKEN_WEIGHTS.bind(name, **REQUIRED.get(name, {}))(logprob, **tensors).dtype
        == torch.bfloat16
    )


@pytest.mark.parametrize(("name", "highest"), [("phi", 0.25), ("margin", 0.25), ("luffy", 0.25)])
def test_a_weight_with_a_peak_stays_below_it_in_bfloat16(name, highest):
    logprob, tensors = example(dtype=torch.bfloat16)
    assert TOKEN_WEIGHTS.bind(name)(logprob, **tensors).max() <= highest


def test_phi_stays_exact_for_p_close_to_1():
    assert TOKEN_WEIGHTS.bind("phi")(
        torch.tensor(-1e-12, dtype=torch.float64)
    ).item() == pytest.approx(1e-12, rel=1e-9)


@pytest.mark.parametrize("name", ["dft", "phi", "luffy", "trsft", "power", "threshold"])
def test_an_impossible_token_costs_nothing_under_a_vanishing_weight(name):
    logprob = torch.tensor([-math.inf], requires_grad=True)
    loss = expert_loss(logprob, TOKEN_WEIGHTS.bind(name)(logprob))
    loss.sum().backward()
    assert loss.item() == 0.0
    assert logprob.grad.item() == 0.0


@given(p=st.floats(1e-6, 1.0))
@settings(deadline=None, derandomize=True)
def test_power_approaches_sft_for_a_small_alpha(p):
    assert weight_at("power", p, alpha=1e-9) == pytest.approx(1.0, abs=1e-7)


@given(p=st.floats(1e-6, 1.0))
@settings(deadline=None, derandomize=True)
def test_power_is_dft_at_alpha_1(p):
    assert weight_at("power", p, alpha=1.0) == weight_at("dft", p)


@given(p=st.floats(0.1001, 1.0))
@settings(deadline=None, derandomize=True)
def test_trsft_is_sft_for_p_above_alpha(p):
    assert weight_at("trsft", p, alpha=0.1) == 1.0


@given(p=st.floats(1e-6, 1.0), gamma=st.floats(0.01, 1.0))
@settings(deadline=None, derandomize=True)
def test_luffy_peaks_at_p_equal_gamma(p, gamma):
    assert weight_at("luffy", p, gamma=gamma) <= weight_at("luffy", gamma, gamma=gamma) + 1e-15
    assert weight_at("luffy", gamma, gamma=gamma) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("name", "falls"), [("dft", False), ("power", False), ("trsft", False), ("focal", True)]
)
@given(p=st.floats(1e-6, 0.999), more=st.floats(1e-6, 1.0))
@settings(deadline=None, derandomize=True)
def test_a_weight_is_monotone_in_p(name, falls, p, more):
    low, high = weight_at(name, p), weight_at(name, min(1.0, p + more))
    assert (low >= high) if falls else (low <= high)


@given(p=st.floats(1e-6, 1 - 1e-6))
@settings(deadline=None, derandomize=True)
def test_margin_is_phi_for_a_vocabulary_of_two(p):
    logprob = torch.tensor(math.log(p), dtype=torch.float64)
    other = torch.tensor(math.log1p(-p), dtype=torch.float64)
    found = TOKEN_WEIGHTS.bind("margin")(logprob, best_other_logprob=other)
    assert found.item() == pytest.approx(weight_at("phi", p), rel=1e-9)


def test_psft_is_the_gradient_of_the_clipped_ratio():
    logprob, tensors = example()
    leaf = logprob.clone().requires_grad_()
    ratio = (leaf - tensors["old_logprob"]).exp()
    torch.minimum(ratio, ratio.clamp(0.8, 1.28)).sum().backward()
    assert torch.allclose(TOKEN_WEIGHTS.bind("psft")(logprob, **tensors), leaf.grad, rtol=1e-12)


def test_iw_sft_step_is_a_clamped_ratio():
    logprob, tensors = example()
    expected = np.clip(np.exp(logprob.numpy() - tensors["ref_logprob"].numpy()), 0.2, 1.8)
    found = TOKEN_WEIGHTS.bind("iw_sft_step")(logprob, **tensors)
    assert np.allclose(found, expected, rtol=1e-13)


def test_pear_multiplies_the_ratios_of_the_later_tokens():
    logprob, tensors = example()
    found = TOKEN_WEIGHTS.bind("pear", gamma=0.9)(logprob, **tensors)
    step = np.clip(logprob.numpy() - tensors["behaviour_logprob"].numpy(), -0.08, 0.3)
    for row, length in enumerate([7, 4, 1]):
        for t in range(length):
            expected = 0.9 ** (length - 1 - t) * np.exp(step[row, t + 1 : length].sum())
            assert found[row, t].item() == pytest.approx(expected, rel=1e-12)


def test_entropy_is_1_for_a_uniform_policy():
    entropy = torch.tensor([math.log(64), 0.0], dtype=torch.float64)
    weight = TOKEN_WEIGHTS.bind("entropy", vocab_size=64)(torch.zeros(2).double(), entropy=entropy)
    assert weight.tolist() == pytest.approx([1.0, 0.0])


def test_entropy_top_keeps_the_given_share_of_each_row():
    entropy = torch.tensor([[3.0, 1.0, 2.0, 9.0], [1.0, 5.0, 9.0, 9.0]])
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0]])
    weight = TOKEN_WEIGHTS.bind("entropy_top", share=0.5)(entropy * 0, entropy=entropy, mask=mask)
    # Half of 3 tokens is 2, half of 2 is 1; tokens outside the mask do not count.
    assert weight.tolist() == [[1, 0, 1, 0], [0, 1, 0, 0]]


def test_eaft_is_1_if_the_top_tokens_are_equally_likely():
    top = torch.tensor([math.log(20)], dtype=torch.float64)
    assert TOKEN_WEIGHTS.bind("eaft")(top * 0, top_entropy=top).item() == pytest.approx(1.0)


def test_an_unknown_weight_names_the_closest():
    with pytest.raises(ValueError, match=r"unknown token weight 'phy'.*did you mean 'phi'"):
        TOKEN_WEIGHTS.bind("phy")


def test_an_unexpected_argument_is_named():
    with pytest.raises(ValueError, match=r"'phi': got the arguments \['alpha'\], expected none"):
        TOKEN_WEIGHTS.bind("phi", alpha=1)


def test_an_argument_out_of_range_is_named():
    with pytest.raises(ValueError, match=r"'trsft': alpha: got 2, expected a number in \(0, 1\]"):
        TOKEN_WEIGHTS.bind("trsft", alpha=2)


@pytest.mark.parametrize("value", ["0.1", True, math.nan])
def test_an_argument_that_is_not_a_number_is_named(value):
    with pytest.raises(ValueError, match="gamma: got"):
        TOKEN_WEIGHTS.bind("luffy", gamma=value)


def test_a_missing_argument_is_named():
    with pytest.raises(
        ValueError, match="'entropy': vocab_size: got nothing, expected a number of at least 2"
    ):
        TOKEN_WEIGHTS.bind("entropy")


def test_a_missing_tensor_is_named():
    with pytest.raises(ValueError, match=r"'psft': got no old_logprob"):
        TOKEN_WEIGHTS.bind("psft")(torch.zeros(2))


def halved(logprob, *, factor=0.5):
    return factor * torch.ones_like(logprob)


def test_your_own_weight_is_found_by_its_dotted_path():
    weight = TOKEN_WEIGHTS.bind("tests.objective.test_token_weights.halved", factor=0.25)
    assert weight(torch.zeros(2)).tolist() == [0.25, 0.25]


def test_a_dotted_path_that_cannot_be_imported_is_named():
    with pytest.raises(ValueError, match=r"'nowhere\.weight' cannot be imported"):
        TOKEN_WEIGHTS.bind("nowhere.weight")
