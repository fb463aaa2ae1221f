"""The sums behind figures of the expert rows, for any split of the batch."""

import numpy as np
import pytest
import torch

from trinity_chord.objective import split_mask
from trinity_chord.plugin.training.metrics import (
    PROB_HISTOGRAM,
    prob_histogram,
    sequence_moments,
    take_expert_figures,
    whole_batch_metrics,
)
from trinity_chord.plugin.training.policy_loss import CHORDPolicyLossFn

NAMES = ("expert/seq_rows", "expert/seq_nll_sum", "expert/seq_nll_squares")


def moments(logprob, mask, expert):
    _, counted = split_mask(torch.tensor(mask), torch.tensor(expert))
    found = sequence_moments(torch.tensor(logprob), counted)
    return tuple(found[name].item() for name in NAMES)


def test_moments_by_hand():
    # An on-policy row, then expert rows of mean 1 and, over the one token that counts, 4.
    logprob = [[-9.0, -9.0], [-0.5, -1.5], [-4.0, float("nan")]]
    mask = [[True, True], [True, True], [True, False]]
    assert moments(logprob, mask, [False, True, True]) == (2.0, 5.0, 17.0)


def test_an_expert_row_without_a_token_is_not_counted():
    assert moments([[-1.0], [-2.0]], [[False], [True]], [True, True]) == (1.0, 2.0, 4.0)


def test_a_micro_batch_without_expert_rows_adds_0():
    assert moments([[float("-inf")]], [[True]], [False]) == (0.0, 0.0, 0.0)


def test_a_single_row_has_no_row_dimension():
    assert moments([-1.0, -3.0], [True, True], True) == (1.0, 2.0, 4.0)


@pytest.mark.parametrize("ranks", [1, 2, 4])
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_the_figures_are_those_of_the_whole_batch_for_any_split(ranks, rows):
    generator = torch.Generator().manual_seed(1)
    logprob = -torch.rand(16, 5, generator=generator)
    mask = torch.arange(5) < torch.randint(1, 6, (16, 1), generator=generator)
    expert = torch.rand(16, generator=generator) < 0.5
    of_ranks = []
    for rank in range(ranks):
        part = slice(rank * 16 // ranks, (rank + 1) * 16 // ranks)
        micro = zip(
            logprob[part].split(rows), mask[part].split(rows), expert[part].split(rows), strict=True
        )
        sums = [
            whole_batch_metrics(sequence_moments(lp, split_mask(m, e)[1]), ranks, "tinker")
            for lp, m, e in micro
        ]
        of_ranks.append({name: sum(s[name] for s in sums) for name in NAMES})
    # As verl does: summed over micro-batches, averaged over ranks.
    metrics = {f"actor/{name}": np.mean([rank[name] for rank in of_ranks]) for name in NAMES}
    figures = take_expert_figures({**metrics, "actor/expert/weight": 0.5})
    means = [
        -(lp[m]).double().mean().item() for lp, m, e in zip(logprob, mask, expert, strict=True) if e
    ]
    assert figures.nll_mean == pytest.approx(np.mean(means), rel=1e-6)
    assert figures.nll_variance == pytest.approx(np.var(means), rel=1e-4)


def test_a_step_without_the_sums_has_no_figures_and_keeps_its_metrics():
    metrics = {"actor/grad_norm": 1.0}
    assert take_expert_figures(metrics) is None
    assert metrics == {"actor/grad_norm": 1.0}


@pytest.mark.parametrize("asked", [True, False])
def test_the_loss_counts_sequences_only_on_request(asked):
    batch = {
        "logprob": torch.full((2, 2), -0.5),
        "old_logprob": torch.full((2, 2), -0.5),
        "action_mask": torch.ones(2, 2, dtype=torch.bool),
        "advantages": torch.zeros(2, 2),
        "expert_mask": torch.tensor([False, True]),
        "loss_coef": torch.ones(2),
        "loss_norm": torch.ones(2),
        "token_norm": torch.ones(2),
    }
    metrics = CHORDPolicyLossFn(count_sequences=asked)(**batch)[1]
    counted = {name: metrics[name].values for name in NAMES if name in metrics}
    assert counted == (dict(zip(NAMES, ([1.0], [0.5], [0.25]), strict=True)) if asked else {})


def histogram(prob, mask, token_norm):
    found = prob_histogram(torch.tensor(prob), torch.tensor(mask), torch.tensor(token_norm))
    return {name: share.item() for name, share in found.items() if share}


def test_the_histogram_of_probabilities_by_hand():
    # 4 expert tokens count; a bin includes its lower edge, and the last one p = 1.
    prob = [[0.5, 0.96, 0.5], [0.04, 1.0, 0.2]]
    mask = [[True, True, False], [True, True, False]]
    assert histogram(prob, mask, [0.25, 0.25]) == {
        "expert/prob_hist/0.00": 0.25,
        "expert/prob_hist/0.50": 0.25,
        "expert/prob_hist/0.95": 0.5,
    }


def test_the_histogram_of_a_single_row_has_no_row_dimension():
    assert histogram([0.3, 0.3], [True, False], 0.5) == {"expert/prob_hist/0.30": 0.5}


def test_the_histogram_leaves_out_a_closed_row():
    assert histogram([[0.3], [0.7]], [[True], [True]], [0.0, 1.0]) == {"expert/prob_hist/0.70": 1.0}


def test_a_probability_that_is_not_a_number_stays_within_the_bins():
    assert sum(histogram([[float("nan")]], [[True]], [1.0]).values()) == 1.0


@pytest.mark.parametrize("ranks", [1, 2, 4])
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_the_histogram_is_that_of_the_whole_batch_for_any_split(ranks, rows):
    generator = torch.Generator().manual_seed(2)
    prob = torch.rand(16, 5, generator=generator)
    mask = torch.rand(16, 5, generator=generator) < 0.4
    norm = (1 / mask.sum()).expand(16)
    of_ranks = []
    for rank in range(ranks):
        part = slice(rank * 16 // ranks, (rank + 1) * 16 // ranks)
        sums = [
            whole_batch_metrics(prob_histogram(*micro), ranks, "tinker")
            for micro in zip(
                *(values[part].split(rows) for values in (prob, mask, norm)), strict=True
            )
        ]
        of_ranks.append([sum(each[name] for each in sums) for name in PROB_HISTOGRAM])
    # As verl does: summed over micro-batches, averaged over ranks.
    found = np.mean(of_ranks, axis=0)
    expected = np.histogram(prob[mask], bins=20, range=(0, 1))[0] / int(mask.sum())
    assert found == pytest.approx(expected, abs=1e-6)
