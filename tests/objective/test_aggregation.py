import pytest
import torch
from trinity.algorithm.utils import aggregate_loss

from trinity_chord.objective import AGGREGATION_MODES, row_normalizers, weighted_sum

TOKENS = torch.tensor([1, 3, 0, 4])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("token-mean", [1 / 8, 1 / 8, 0, 1 / 8]),
        ("seq-mean-token-mean", [1 / 4, 1 / 12, 0, 1 / 16]),
        ("seq-mean-token-sum", [1 / 4, 1 / 4, 0, 1 / 4]),
        ("seq-mean-token-sum-norm", [1 / 5, 1 / 5, 0, 1 / 5]),
    ],
)
def test_normalizers_by_hand(mode, expected):
    found = row_normalizers(TOKENS, mode, width=5)
    assert torch.allclose(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-15, atol=0)


@pytest.mark.parametrize("mode", AGGREGATION_MODES)
def test_weighted_sum_is_trinitys_aggregate_on_a_whole_batch(mode):
    values = torch.randn(4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mask = torch.arange(5) < TOKENS[:, None]
    found = weighted_sum(values, mask, row_normalizers(TOKENS, mode, width=5))
    # Trinity adds 1e-8 to its divisors.
    assert found.item() == pytest.approx(aggregate_loss(values, mask, mode).item(), rel=3e-8)


@pytest.mark.parametrize("mode", AGGREGATION_MODES)
def test_no_rows_and_no_tokens_give_zeros(mode):
    assert row_normalizers(torch.tensor([], dtype=torch.int64), mode, width=5).shape == (0,)
    assert row_normalizers(torch.tensor([0, 0]), mode, width=5).tolist() == [0.0, 0.0]


def test_values_under_the_mask_may_be_anything():
    values = torch.tensor([[1.0, float("nan")], [float("inf"), 2.0]])
    mask = torch.tensor([[1, 0], [0, 1]])
    assert weighted_sum(values, mask, torch.tensor([1.0, 10.0])).item() == 21.0


def test_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="unknown aggregation mode 'mean'"):
        row_normalizers(TOKENS, "mean", width=5)
