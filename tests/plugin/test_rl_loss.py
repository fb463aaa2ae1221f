"""Trinity's policy losses as the on-policy term: the same sum for any split of the batch."""

import math

import pytest
import torch
from trinity.algorithm import POLICY_LOSS_FN
from trinity.algorithm.policy_loss_fn.policy_loss_fn import PolicyLossFn

from trinity_chord.plugin.rl_loss import LOSSES, NOT_FOR_ROLLOUTS, OnPolicyTokens, get_rl_loss

CLIPS = {"clip_range_low": 0.2, "clip_range_high": 0.2, "clip_ratio_c": 3.0}
ARGUMENTS = {
    "ppo": [{}],
    "rec": [{}, {"clip_mode": "ring", "weight": "importance_sampling"}, {"regularizer": "k2"}],
    "cispo": [{}, {"enable_mask_clip": True}],
    "gspo": [{"clip_range": 0.1}],
}
CASES = [(name, arguments) for name in LOSSES for arguments in ARGUMENTS.get(name, [{}])]


def build(name, arguments):
    return get_rl_loss(name, "verl", arguments, CLIPS)


def batch(rows=6, width=8, seed=1, dtype=torch.float64):
    random = torch.Generator().manual_seed(seed)
    logprob = -2 * torch.rand(rows, width, generator=random, dtype=dtype)
    lengths = torch.randint(1, width + 1, (rows,), generator=random)
    lengths[2] = 0
    mask = torch.arange(width) < lengths[:, None]
    values = {
        "logprob": logprob,
        "old_logprob": logprob + 0.3 * torch.randn(rows, width, generator=random, dtype=dtype),
        "advantages": torch.randn(rows, 1, generator=random, dtype=dtype).expand(rows, width),
    }
    norm = torch.rand(rows, generator=random, dtype=dtype) * (lengths > 0)
    return {
        **{name: torch.where(mask, value, 0.0) for name, value in values.items()},
        "mask": mask,
        "loss_coef": 0.7 * norm,
        "loss_norm": norm,
        "token_norm": norm / 2,
    }


def gradient(loss, data, split):
    leaf = data["logprob"].clone().requires_grad_()
    metrics = {}
    for rows in split:
        part = {name: value[rows] for name, value in {**data, "logprob": leaf}.items()}
        total, sums = loss(OnPolicyTokens(**part))
        total.backward()
        for name, value in sums.items():
            metrics[name] = metrics.get(name, 0.0) + value.item()
    return leaf.grad, metrics


@pytest.mark.parametrize("split", [[[0, 1, 2], [3, 4, 5]], [[i] for i in range(6)]])
@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_the_gradient_is_the_same_for_any_split(name, arguments, split):
    loss, data = build(name, arguments), batch()
    whole, metrics = gradient(loss, data, [list(range(6))])
    parts, summed = gradient(loss, data, split)
    assert whole.abs().max() > 0
    assert torch.allclose(parts, whole, rtol=1e-6, atol=1e-12)
    assert summed == pytest.approx(metrics, rel=1e-6)


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_with_equal_coefficients_it_is_trinitys_own_token_mean(name, arguments):
    data = batch()
    data["loss_coef"] = torch.full((6,), 1.0 / data["mask"].sum(), dtype=torch.float64)
    given = dict(arguments) or POLICY_LOSS_FN.get(name).default_args()
    if name == "ppo":
        given["clip_range"] = 0.2
    if name != "rec":
        given["loss_agg_mode"] = "token-mean"
    expected, _ = POLICY_LOSS_FN.get(name)(backend="verl", **given)(
        logprob=data["logprob"],
        old_logprob=data["old_logprob"],
        advantages=data["advantages"],
        action_mask=data["mask"],
    )
    assert build(name, arguments)(OnPolicyTokens(**data))[0].item() == pytest.approx(
        expected.item(), rel=1e-6
    )


def test_a_given_clip_overrides_the_defaults():
    assert build("gspo", {"clip_range": 0.1}).loss.clip_range_high == 0.1


def test_a_part_without_on_policy_tokens_adds_nothing():
    data = batch()
    empty = {name: value[2:3] for name, value in data.items()}
    for name, arguments in CASES:
        total, sums = build(name, arguments)(OnPolicyTokens(**empty))
        assert total.item() == 0.0
        assert all(math.isfinite(value.item()) for value in sums.values())


def test_pg_loss_does_not_depend_on_mu():
    data = batch()
    _, sums = build("opmd", {})(OnPolicyTokens(**data))
    full, _ = build("opmd", {})(OnPolicyTokens(**{**data, "loss_coef": data["loss_norm"]}))
    assert sums["usual/pg_loss"].item() == pytest.approx(full.item())


@pytest.mark.parametrize("name", NOT_FOR_ROLLOUTS)
def test_a_loss_that_is_not_for_rollouts_is_refused(name):
    with pytest.raises(ValueError, match="not a loss of rollouts"):
        build(name, {})


def test_a_mode_with_its_own_aggregation_is_refused():
    with pytest.raises(ValueError, match="'rec' is not a sum over rows and tokens"):
        build("rec", {"clip_mode": "gspo-one-side"})


def token_mean(values, mask):
    """Return the mean that Trinity's `aggregate_loss` computes."""
    return (values * mask).sum() / (mask.sum() + 1e-8)


class BatchMeanLoss(PolicyLossFn):
    """A loss that mixes the rows of a micro-batch."""

    def __call__(self, logprob, action_mask, advantages, **kwargs):
        centered = advantages - advantages.mean()
        return -(centered * logprob * action_mask).sum() / action_mask.sum(), {}

    @classmethod
    def default_args(cls):
        return {}


class SumOfOnes(BatchMeanLoss):
    """A loss that is a token-mean."""

    def __call__(self, logprob, action_mask, **kwargs):
        return -(logprob * action_mask).sum() / action_mask.sum().clamp(min=1e-30), {}


class DropsLargeRatios(BatchMeanLoss):
    """Drops the tokens whose ratio is above 3 × the micro-batch's mean."""

    def __call__(self, logprob, old_logprob, action_mask, advantages, **kwargs):
        ratio = (logprob - old_logprob).exp()
        kept = action_mask * (ratio <= 3 * token_mean(ratio.detach(), action_mask))
        return -(advantages * ratio * kept).sum() / (action_mask.sum() + 1e-8), {}


class NormalizesByTheLargestAdvantage(BatchMeanLoss):
    """Divides by max(5, max |A|) of the micro-batch."""

    def __call__(self, logprob, old_logprob, action_mask, advantages, **kwargs):
        scale = advantages.abs().max().clamp(min=5)
        ratio = (logprob - old_logprob).exp()
        return token_mean(-advantages / scale * ratio, action_mask), {}


class StopsEarly(BatchMeanLoss):
    """Is 0 if the KL of the micro-batch is above a target."""

    def __init__(self, backend="verl", target=1.0):
        super().__init__(backend=backend)
        self.target = target

    def __call__(self, logprob, old_logprob, action_mask, advantages, **kwargs):
        kl = token_mean(old_logprob - logprob, action_mask).detach()
        ratio = (logprob - old_logprob).exp()
        return token_mean(-advantages * ratio, action_mask) * (kl <= self.target), {}


class DividesByTheTokens(BatchMeanLoss):
    """Divides by the number of tokens, which may be 0."""

    def __call__(self, logprob, action_mask, **kwargs):
        return -(logprob * action_mask).sum() / action_mask.sum(), {}


class CountsItsCalls(BatchMeanLoss):
    """Grows with each call."""

    calls = 0

    def __call__(self, logprob, action_mask, **kwargs):
        self.calls += 1
        return -self.calls * token_mean(logprob, action_mask), {}


class DoublesLargeBatches(BatchMeanLoss):
    """Depends on the number of rows, from 32 on."""

    def __call__(self, logprob, action_mask, **kwargs):
        factor = 2 if len(logprob) >= 32 else 1
        return -factor * token_mean(logprob, action_mask), {}


class NeedsMore(BatchMeanLoss):
    """A loss that needs a tensor that rollouts do not have."""

    def __call__(self, logprob, action_mask, teacher_logprob, **kwargs):
        return -(logprob * action_mask).sum(), {}


def test_a_loss_of_your_own_that_mixes_rows_is_refused():
    with pytest.raises(ValueError, match="is not a sum over rows and tokens"):
        build("tests.plugin.test_rl_loss.BatchMeanLoss", {})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("DropsLargeRatios", {}),
        ("NormalizesByTheLargestAdvantage", {}),
        *(("StopsEarly", {"target": target}) for target in (0.01, 0.1, 1.0, 5.0)),
    ],
)
def test_a_loss_that_looks_across_the_micro_batch_is_refused(name, arguments):
    with pytest.raises(ValueError, match="is not a sum over rows and tokens"):
        build(f"tests.plugin.test_rl_loss.{name}", arguments)


def test_a_loss_that_is_nan_without_on_policy_tokens_is_refused():
    with pytest.raises(ValueError, match=r"is not finite on a batch .* split into single rows"):
        build("tests.plugin.test_rl_loss.DividesByTheTokens", {})


def test_a_loss_with_state_is_refused():
    with pytest.raises(ValueError, match="if the batch is computed again"):
        build("tests.plugin.test_rl_loss.CountsItsCalls", {})


def test_a_dependence_that_no_batch_of_the_check_reaches_is_not_found():
    build("tests.plugin.test_rl_loss.DoublesLargeBatches", {})


def test_a_loss_of_your_own_is_found_by_its_dotted_path():
    data = batch()
    total, _ = build("tests.plugin.test_rl_loss.SumOfOnes", {})(OnPolicyTokens(**data))
    expected = -(data["logprob"].sum(-1) * data["loss_coef"]).sum()
    assert total.item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_loss_that_needs_other_tensors_is_refused():
    with pytest.raises(ValueError, match=r"needs \['teacher_logprob'\]"):
        build("tests.plugin.test_rl_loss.NeedsMore", {})


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("gspo", {"clip": 0.1}, r"got the arguments \['clip'\], expected some of \[.*'clip_range'"),
        ("gspo", {"loss_agg_mode": "token-mean"}, r"got the arguments \['loss_agg_mode'\]"),
        ("rec", {"clip_mode": "round"}, "does not accept"),
        ("ppo", {"clip_range": 0.1}, "set clip_range"),
    ],
)
def test_arguments_that_do_not_fit_are_named(name, arguments, text):
    with pytest.raises(ValueError, match=text):
        build(name, arguments)
