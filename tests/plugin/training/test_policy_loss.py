"""The loss classes as Trinity calls them, one micro-batch at a time."""

import math
from contextlib import contextmanager

import pytest
import torch
from verl.utils.metric import Metric

from trinity_chord.plugin.training import policy_loss
from trinity_chord.plugin.training.entropy_loss import ExpertMixEntropyLossFn
from trinity_chord.plugin.training.policy_loss import CHORDPolicyLossFn

# One on-policy row of 2 tokens and one expert row of 2, p = 1/2 everywhere, μ = 1/4, token-mean.
# The ratio is (1/2) / (1/4) = 2, clipped at 1.2 with A = 1: the token loss is -1.2.
# The expert tokens cost -p(1-p)·log p = log 2 / 4 each.
HALF, QUARTER = math.log(0.5), math.log(0.25)
USUAL, EXPERT = -1.2, math.log(2) / 4
LOSS = 0.75 * USUAL + 0.25 * EXPERT

TO_HOST = ("tolist", "item", "cpu", "numpy", "nonzero", "__bool__", "__float__", "__int__")


def micro_batch(dtype=torch.float32):
    full = torch.full((2, 2), HALF, dtype=dtype)
    return {
        "logprob": full.requires_grad_(),
        "old_logprob": torch.tensor([[QUARTER, QUARTER], [0.0, 0.0]]),
        "action_mask": torch.ones(2, 2, dtype=torch.bool),
        "advantages": torch.tensor([[1.0, 1.0], [0.0, 0.0]]),
        "expert_mask": torch.tensor([False, True]),
        "loss_coef": torch.tensor([0.75 / 2, 0.25 / 2]),
        "loss_norm": torch.tensor([1 / 2, 1 / 2]),
        "token_norm": torch.tensor([1 / 2, 1 / 2]),
    }


def part(batch, rows):
    return {name: values[rows] for name, values in batch.items()}


def summed(metrics):
    return {name: sum(metric.values) for name, metric in metrics.items()}


@contextmanager
def counted_copies(monkeypatch):
    """Count the calls that wait for a device and copy a value to the host.

    A CPU stands in for the device: the loss does not select rows here, as on a device.
    """
    calls = []

    def counting(name, real):
        def count(self, *args, **kwargs):
            calls.append(name)
            return real(self, *args, **kwargs)

        return count

    with monkeypatch.context() as patch:
        patch.setattr(policy_loss, "rows_of", lambda kind: ...)
        for name in TO_HOST:
            patch.setattr(torch.Tensor, name, counting(name, getattr(torch.Tensor, name)))
        yield calls


def test_the_loss_by_hand():
    loss, metrics = CHORDPolicyLossFn()(**micro_batch())
    assert loss.item() == pytest.approx(LOSS)
    found = summed(metrics)
    assert {name: found[name] for name in found if "/prob_hist/" not in name} == pytest.approx(
        {
            "usual/pg_loss": USUAL,
            "usual/ppo_kl": QUARTER - HALF,
            "usual/pg_clipfrac": 1.0,
            "usual/pg_clipfrac_lower": 0.0,
            "expert/loss": EXPERT,
            "expert/nll": -HALF,
            "expert/prob": 0.5,
            "expert/weight": 0.25,
        }
    )


def test_the_gradient_by_hand():
    batch = micro_batch()
    CHORDPolicyLossFn()(**batch)[0].backward()
    # Clipped: 0 in the on-policy row. -μ/2 · p(1-p) = -1/32 in the expert row.
    assert batch["logprob"].grad.tolist() == [[0.0, 0.0], [-1 / 32, -1 / 32]]


def test_the_loss_is_multiplied_by_dp_size():
    loss, metrics = CHORDPolicyLossFn()(**micro_batch(), dp_size=4)
    assert loss.item() == pytest.approx(4 * LOSS)
    assert summed(metrics)["usual/pg_loss"] == pytest.approx(4 * USUAL)


def test_micro_batches_of_one_kind_and_of_one_row_add_up():
    batch = micro_batch()
    parts = [CHORDPolicyLossFn()(**part(batch, slice(i, i + 1))) for i in (0, 1)]
    assert sum(loss.item() for loss, _ in parts) == pytest.approx(LOSS)
    whole = summed(CHORDPolicyLossFn()(**batch)[1])
    for name, value in whole.items():
        assert sum(summed(metrics)[name] for _, metrics in parts) == pytest.approx(value)


def test_single_rows_without_a_row_dimension_add_up():
    batch = micro_batch()
    parts = [CHORDPolicyLossFn(backend="tinker")(**part(batch, i)) for i in (0, 1)]
    assert sum(loss.item() for loss, _ in parts) == pytest.approx(LOSS)
    assert parts[1][1]["expert/prob"] == pytest.approx(0.5)


def test_a_micro_batch_of_padding_costs_nothing_and_is_never_nan():
    batch = micro_batch()
    batch["action_mask"] = torch.zeros(2, 2, dtype=torch.bool)
    batch["logprob"] = torch.tensor([[math.nan, -math.inf]] * 2, requires_grad=True)
    loss, metrics = CHORDPolicyLossFn()(**batch)
    loss.backward()
    assert loss.item() == 0.0
    assert set(summed(metrics).values()) == {0.0}
    assert batch["logprob"].grad.tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("weight", ["sft", "is", "phi"])
def test_a_certain_or_nearly_impossible_token_gives_no_nan(weight):
    batch = micro_batch()
    batch["logprob"] = torch.tensor([[0.0, -80.0], [0.0, -80.0]], requires_grad=True)
    loss, metrics = CHORDPolicyLossFn(token_weight=weight)(**batch)
    loss.backward()
    assert torch.isfinite(batch["logprob"].grad).all()
    assert all(math.isfinite(value) for value in summed(metrics).values())


def test_bfloat16_log_probabilities_are_computed_in_float32():
    batch = micro_batch(torch.bfloat16)
    loss, metrics = CHORDPolicyLossFn()(**batch)
    rounded = batch["logprob"].detach()[1, 0].float()
    p = rounded.exp().double().item()
    assert loss.dtype == torch.float32
    expected = p * (1 - p)  # bfloat16 has only 3 digits
    assert summed(metrics)["expert/weight"] == pytest.approx(expected, rel=1e-6)


def test_float64_stays_float64():
    assert CHORDPolicyLossFn()(**micro_batch(torch.float64))[0].dtype == torch.float64


def test_there_is_one_copy_to_the_host_per_micro_batch(monkeypatch):
    batch = micro_batch()
    loss = CHORDPolicyLossFn()
    with counted_copies(monkeypatch) as calls:
        loss(**batch)
    assert calls == ["tolist"]


def test_there_is_one_copy_to_the_host_with_kl(monkeypatch):
    batch = {**micro_batch(), "ref_logprob": torch.full((2, 2), QUARTER)}
    loss = CHORDPolicyLossFn(kl_loss_fn="k2", kl_loss_fn_args={"kl_coef": 0.1})
    with counted_copies(monkeypatch) as calls:
        loss(**batch)
    assert calls == ["tolist"]


@pytest.mark.parametrize("experts", [(False, True), (False, False), (True, True)])
def test_a_device_where_no_rows_are_selected_gives_the_same(monkeypatch, experts):
    found = []
    for selects in (True, False):
        batch = {**micro_batch(), "expert_mask": torch.tensor(experts)}
        if not selects:
            monkeypatch.setattr(policy_loss, "rows_of", lambda kind: ...)
        loss, metrics = CHORDPolicyLossFn()(**batch)
        loss.backward()
        found.append((loss.item(), summed(metrics), batch["logprob"].grad.tolist()))
    assert found[0] == found[1]


def test_metrics_are_sums_for_verl():
    metrics = CHORDPolicyLossFn()(**micro_batch())[1]
    assert all(isinstance(metric, Metric) for metric in metrics.values())
    assert {metric.aggregation.value for metric in metrics.values()} == {"sum"}


def test_tensors_are_requested_by_verls_names():
    assert CHORDPolicyLossFn(backend="verl").select_keys == [
        "old_log_probs",
        "response_mask",
        "advantages",
        "expert_mask",
        "loss_coef",
        "loss_norm",
        "token_norm",
        "dp_size",
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"kl_loss_fn": "k2"}, ["ref_log_prob"]),
        ({"row_weight": "iw_sft"}, ["ref_log_prob"]),
        ({"token_weight": "psft"}, []),
        ({"row_weight": "srft", "token_weight": "iw_sft_step"}, ["entropys", "ref_log_prob"]),
    ],
)
def test_a_tensor_is_requested_only_if_it_is_needed(arguments, expected):
    plain = CHORDPolicyLossFn().select_keys
    assert CHORDPolicyLossFn(**arguments).select_keys == [*plain, *expected]


def test_tensors_are_accepted_by_verls_names():
    batch = micro_batch()
    loss, _ = CHORDPolicyLossFn()(
        logprob=batch["logprob"],
        old_log_probs=batch["old_logprob"],
        response_mask=batch["action_mask"],
        **{key: batch[key] for key in list(batch)[3:]},
        position_ids=torch.zeros(2, 2),  # not requested
    )
    assert loss.item() == pytest.approx(LOSS)


def test_kl_is_added_over_the_on_policy_tokens_without_mu():
    batch = {**micro_batch(), "ref_logprob": torch.full((2, 2), QUARTER)}
    loss_fn = CHORDPolicyLossFn(kl_loss_fn="k2", kl_loss_fn_args={"kl_coef": 0.1})
    loss, metrics = loss_fn(**batch)
    kl = 0.5 * math.log(2) ** 2  # k2: (log π - log π_ref)² / 2
    assert summed(metrics)["kl_loss"] == pytest.approx(kl)
    assert loss.item() == pytest.approx(LOSS + 0.1 * kl)


def fetched(loss, batch, dp_size):
    """Return what Trinity 0.6 passes: the fields in `select_keys`, including `dp_size`."""
    verl_keys = {"old_logprob": "old_log_probs", "action_mask": "response_mask"}
    available = {verl_keys.get(name, name): value for name, value in batch.items()}
    available["dp_size"] = dp_size
    return {key: available[key] for key in loss.select_keys}


def passed_as_trinity_will(loss, batch, dp_size):
    """Return what coming versions pass: the other fields, and `dp_size` as a keyword."""
    fields = fetched(loss, batch, dp_size)
    others = {key: value for key, value in fields.items() if key not in loss._runtime_keys}
    return {**others, "dp_size": dp_size}


@pytest.mark.parametrize("call", [fetched, passed_as_trinity_will])
def test_both_ways_of_passing_dp_size_give_the_same_loss(call):
    batch, loss_fn = micro_batch(), CHORDPolicyLossFn()
    others = call(loss_fn, batch, dp_size=4)
    loss, metrics = loss_fn(logprob=batch["logprob"], **others)
    assert loss.item() == pytest.approx(4 * LOSS)
    assert summed(metrics)["usual/pg_loss"] == pytest.approx(4 * USUAL)


@pytest.mark.parametrize("loss_class", [CHORDPolicyLossFn, ExpertMixEntropyLossFn])
def test_dp_size_is_declared_as_passed_at_run_time(loss_class):
    # Coming versions of Trinity pass it to every loss that declares it. To a loss that only names
    # it as a parameter they would pass it twice.
    assert loss_class._runtime_keys == ("dp_size",)


@pytest.mark.parametrize("call", [fetched, passed_as_trinity_will])
def test_the_entropy_loss_gets_dp_size_both_ways(call):
    # Trinity passes the policy loss's fields to the entropy loss.
    others = call(CHORDPolicyLossFn(), micro_batch(), dp_size=2)
    entropy = torch.tensor([[1.0, 3.0], [5.0, 7.0]])
    bonus, _ = ExpertMixEntropyLossFn(0.5)(
        entropy=entropy,
        action_mask=others["response_mask"],
        loss_agg_mode="token-mean",
        **others,
    )
    assert bonus.item() == pytest.approx(2 * 0.5 * 2.0)


def test_a_weight_that_is_not_a_number_shows_in_the_loss_and_in_the_metrics(monkeypatch):
    loss_fn = CHORDPolicyLossFn()
    monkeypatch.setattr(loss_fn, "token_weight", lambda logprob, **_: logprob * math.nan)
    loss, metrics = loss_fn(**micro_batch())
    assert math.isnan(loss.item())
    found = summed(metrics)
    assert math.isnan(found["expert/loss"])
    assert math.isnan(found["expert/weight"])
    assert found["usual/pg_loss"] == pytest.approx(USUAL)


def test_an_unknown_token_weight_is_refused():
    with pytest.raises(ValueError, match="unknown token weight 'phy'"):
        CHORDPolicyLossFn(token_weight="phy")


def entropy_batch():
    batch = micro_batch()
    names = ("action_mask", "expert_mask", "loss_norm", "token_norm")
    return {
        "entropy": torch.tensor([[1.0, 3.0], [5.0, 7.0]], requires_grad=True),
        **{name: batch[name] for name in names},
    }


def test_the_entropy_bonus_is_that_of_the_on_policy_tokens():
    batch = entropy_batch()
    bonus, metrics = ExpertMixEntropyLossFn(0.5)(**batch, dp_size=2)
    assert bonus.item() == pytest.approx(2 * 0.5 * 2.0)
    assert summed(metrics) == pytest.approx({"entropy_loss": 4.0, "expert/entropy": 12.0})
    bonus.backward()
    assert batch["entropy"].grad.tolist() == [[0.5, 0.5], [0.0, 0.0]]


def test_an_entropy_coefficient_of_0_is_a_metric_without_a_gradient():
    bonus, metrics = ExpertMixEntropyLossFn(0.0)(**entropy_batch())
    assert bonus.item() == 0.0
    assert not bonus.requires_grad
    assert summed(metrics)["entropy_loss"] == pytest.approx(2.0)


def test_a_row_weight_multiplies_the_expert_rows_alone():
    # log π - log π_ref = log 2 at both expert tokens, so the row weight is 2.
    batch = {**micro_batch(), "ref_logprob": torch.full((2, 2), QUARTER)}
    loss, metrics = CHORDPolicyLossFn(row_weight="iw_sft")(**batch)
    assert loss.item() == pytest.approx(0.75 * USUAL + 0.25 * 2 * EXPERT)
    assert summed(metrics)["expert/row_weight"] == pytest.approx(2.0)


def test_the_loss_can_be_sent_to_a_worker():
    import pickle

    loss = pickle.loads(pickle.dumps(CHORDPolicyLossFn(row_weight="iw_sft")))
    assert "ref_log_prob" in loss.select_keys
