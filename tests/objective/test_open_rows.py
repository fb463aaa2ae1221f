"""Closed rows are treated as absent, in every mode and for every split."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.objective.test_chord import MODES, batch, parts_of_the_gradient
from trinity_chord.objective import stamp_rows

ROWS = 7


def gradient(data, parts, is_open, mu=0.3, on_policy_mode="token-mean", expert_mode="token-mean"):
    return parts_of_the_gradient(data, parts, mu, on_policy_mode, expert_mode, is_open)


OPEN = st.lists(st.booleans(), min_size=ROWS, max_size=ROWS).map(torch.tensor)
SETTINGS = settings(max_examples=60, deadline=None, derandomize=True)


@SETTINGS
@given(
    seed=st.integers(0, 10_000),
    is_open=OPEN,
    order=st.permutations(range(ROWS)),
    borders=st.sets(st.integers(1, ROWS - 1)),
    experts=st.integers(0, ROWS),
    on_policy_mode=st.sampled_from(MODES),
    expert_mode=st.sampled_from(MODES),
)
def test_the_gradient_does_not_depend_on_the_split(
    seed, is_open, order, borders, experts, on_policy_mode, expert_mode
):
    data = batch(seed, experts=experts)
    edges = [0, *sorted(borders), ROWS]
    parts = [list(order[a:b]) for a, b in itertools.pairwise(edges)]
    modes = {"on_policy_mode": on_policy_mode, "expert_mode": expert_mode}
    whole = gradient(data, [list(range(ROWS))], is_open, **modes)
    split = gradient(data, parts, is_open, **modes)
    assert torch.allclose(whole, split, rtol=1e-12, atol=1e-15)


@SETTINGS
@given(
    seed=st.integers(0, 10_000),
    is_open=OPEN,
    on_policy_mode=st.sampled_from(MODES),
    expert_mode=st.sampled_from(MODES),
)
def test_a_closed_row_is_treated_as_absent(seed, is_open, on_policy_mode, expert_mode):
    data = batch(seed)
    rest = {name: values[is_open] for name, values in data.items()}
    modes = {"on_policy_mode": on_policy_mode, "expert_mode": expert_mode}
    found = gradient(data, [list(range(ROWS))], is_open, **modes)
    expected = torch.zeros_like(found)
    expected[is_open] = gradient(rest, [list(range(int(is_open.sum())))], None, **modes)
    assert torch.equal(found, expected)


def stamps(mode="token-mean", is_open=(True, False, True, False, True)):
    """2 on-policy rows of 2 and 6 tokens, 3 expert rows of 4, 8 and 1."""
    return stamp_rows(
        torch.tensor([2, 6, 4, 8, 1]),
        torch.tensor([False, False, True, True, True]),
        mu=0.25,
        width=8,
        on_policy_mode=mode,
        expert_mode=mode,
        is_open=torch.tensor(is_open),
    )


def test_token_mean_is_over_open_tokens():
    found = stamps()
    assert found.loss_norm.tolist() == [1 / 2, 0, 1 / 5, 0, 1 / 5]
    assert found.token_norm.tolist() == [1 / 2, 0, 1 / 5, 0, 1 / 5]
    assert found.loss_coef.tolist() == [3 / 8, 0, 1 / 20, 0, 1 / 20]


def test_the_modes_over_rows_count_open_rows():
    assert stamps("seq-mean-token-mean").loss_norm.tolist() == [1 / 2, 0, 1 / 8, 0, 1 / 2]
    assert stamps("seq-mean-token-sum").loss_norm.tolist() == [1, 0, 1 / 2, 0, 1 / 2]


@pytest.mark.parametrize("mode", MODES)
def test_a_kind_without_an_open_row_adds_zero(mode):
    found = stamps(mode, is_open=(True, True, False, False, False))
    assert found.loss_coef[2:].tolist() == [0, 0, 0]
    assert found.loss_coef[:2].min() > 0


def test_a_row_weight_of_0_still_counts_in_the_normalizer_and_a_closed_row_does_not():
    tokens, expert = torch.tensor([2, 2]), torch.tensor([True, True])
    weight = torch.tensor([1.0, 0.0])
    weighted = stamp_rows(tokens, expert, mu=1.0, width=2, row_weight=weight)
    closed = stamp_rows(tokens, expert, mu=1.0, width=2, is_open=weight.bool())
    assert weighted.loss_coef.tolist() == [1 / 4, 0]
    assert closed.loss_coef.tolist() == [1 / 2, 0]
