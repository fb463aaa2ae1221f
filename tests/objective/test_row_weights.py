"""Row weights against their equations, computed by hand."""

import math

import pytest
import torch

from trinity_chord.objective import ROW_WEIGHTS

MASK = torch.tensor([[1, 1, 0], [1, 0, 0], [0, 0, 0]])
LOGPROB = torch.tensor([[-1.0, -2.0, -9.0], [-3.0, 5.0, 5.0], [-1.0, -1.0, -1.0]]).double()
REF = torch.tensor([[-1.5, -1.0, 7.0], [-4.0, 1.0, 1.0], [-2.0, -2.0, -2.0]]).double()
ENTROPY = torch.tensor([[1.0, 3.0, 9.0], [0.5, 9.0, 9.0], [9.0, 9.0, 9.0]]).double()


def found(name, **arguments):
    weight = ROW_WEIGHTS.bind(name, **arguments)
    return weight(LOGPROB, ref_logprob=REF, entropy=ENTROPY, mask=MASK)


def test_iw_sft_is_the_exponential_of_the_mean_log_ratio():
    # Means of (0.5, -1) and of 1; a row without tokens weighs 1.
    assert found("iw_sft").tolist() == pytest.approx([math.exp(-0.25), math.e, 1.0])


def test_iw_sft_gets_sharper_with_the_temperature():
    assert found("iw_sft", temperature=2).tolist() == pytest.approx([math.exp(-0.5), math.e**2, 1])


def test_iw_sft_is_clamped():
    assert found("iw_sft", low=0.9, high=2).tolist() == pytest.approx([0.9, 2.0, 1.0])


def test_iw_sft_is_1_at_the_reference():
    weight = ROW_WEIGHTS.bind("iw_sft")(LOGPROB, ref_logprob=LOGPROB, mask=MASK)
    assert weight.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("sign", "direction"), [("paper", -1), ("code", 1)])
def test_srft_has_both_signs(sign, direction):
    expected = [0.5 * math.exp(direction * mean) for mean in (2.0, 0.5, 0.0)]
    assert found("srft", sign=sign).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(ROW_WEIGHTS))
def test_there_is_one_weight_per_row_without_a_gradient(name):
    logprob = LOGPROB.clone().requires_grad_()
    weight = ROW_WEIGHTS.bind(name)(logprob, ref_logprob=REF, entropy=ENTROPY, mask=MASK)
    assert weight.shape == (3,)
    assert not weight.requires_grad


@pytest.mark.parametrize("name", sorted(ROW_WEIGHTS))
def test_a_single_row_weighs_as_in_the_batch(name):
    one = ROW_WEIGHTS.bind(name)(LOGPROB[0], ref_logprob=REF[0], entropy=ENTROPY[0], mask=MASK[0])
    assert one.item() == pytest.approx(found(name)[0].item())


def test_an_unknown_sign_is_named():
    with pytest.raises(ValueError, match="sign: got 'both', expected one of 'paper', 'code'"):
        ROW_WEIGHTS.bind("srft", sign="both")
