"""The contract tests for users: a right part passes, a wrong one fails for the right reason."""

import itertools
import math
from types import SimpleNamespace

import pytest
import torch
from trinity.algorithm.policy_loss_fn.policy_loss_fn import PolicyLossFn
from trinity.algorithm.utils import masked_mean

from trinity_chord.errors import ChordConfigError
from trinity_chord.objective import (
    GATES,
    ROW_WEIGHTS,
    SCHEDULES,
    TOKEN_WEIGHTS,
    BatchFigures,
    MuRule,
    Opened,
)
from trinity_chord.testing import (
    ContractError,
    check_gate,
    check_mu_rule,
    check_rl_loss,
    check_row_weight,
    check_token_weight,
)

HERE = "tests.test_testing"
REQUIRED = {"entropy": {"vocab_size": 64}, "piecewise": {"points": [[1, 0.5], [9, 0.1]]}}


@pytest.mark.parametrize("name", sorted(TOKEN_WEIGHTS))
def test_every_registered_token_weight_passes(name):
    check_token_weight(name, **REQUIRED.get(name, {}))


@pytest.mark.parametrize("name", sorted(ROW_WEIGHTS))
def test_every_registered_row_weight_passes(name):
    check_row_weight(name)


@pytest.mark.parametrize("name", sorted(GATES))
def test_every_registered_gate_passes(name):
    check_gate(name)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_every_registered_mu_rule_passes(name):
    check_mu_rule(name, **REQUIRED.get(name, {}))


@pytest.mark.parametrize("name", ["ppo", "gspo", "cispo"])
def test_trinitys_losses_pass(name):
    check_rl_loss(name)


def squared(logprob, *, times=1.0):
    return times * (2 * logprob).exp()


def times_teacher(logprob, teacher_prob):
    return logprob.exp() * teacher_prob


def row_length(logprob, mask):
    return mask.sum(-1).to(logprob.dtype)


def test_your_own_function_passes_as_such_and_by_its_path():
    check_token_weight(squared, times=2.0)
    check_token_weight(f"{HERE}.squared", times=2.0)
    check_token_weight(times_teacher)
    check_row_weight(row_length)


def test_a_wrong_argument_is_reported():
    with pytest.raises(ChordConfigError, match=r"got the arguments \['by'\], expected \['times'\]"):
        check_token_weight(squared, by=2.0)


def negative(logprob):
    return logprob


def half_precision(logprob):
    return logprob.exp() if logprob.dtype == torch.float32 else logprob.exp().float()


@torch.enable_grad()
def with_gradient(logprob):
    return torch.ones_like(logprob, requires_grad=True).exp()


def ranked_in_the_batch(logprob):
    return logprob.exp() / logprob.exp().max()


def ranked_in_a_batch_only(logprob):
    return logprob.exp() if logprob.dim() == 1 else logprob.exp() / len(logprob)


def surprise_of_the_row(logprob):
    return logprob.exp() / (1 - logprob.mean(-1, keepdim=True))


def position_from_the_end(logprob):
    width = logprob.shape[-1]
    return torch.arange(width, 0, -1).to(logprob.dtype).expand(logprob.shape)


@pytest.mark.parametrize(
    ("weight", "reason"),
    [
        (negative, "got -100 at log π_θ = -100, expected a finite number of at least 0"),
        (half_precision, "got dtype torch.float32, expected that of log π_θ, torch.float64"),
        (with_gradient, "got weights with a gradient, expected none"),
        (ranked_in_the_batch, r"for a row alone \(shape \[T\]\)"),
        (ranked_in_a_batch_only, r"for a row alone \(shape \[T\]\)"),
        (surprise_of_the_row, "got other weights after masked tokens changed"),
        (position_from_the_end, "got other weights after padding was added"),
    ],
)
def test_a_wrong_token_weight_fails(weight, reason):
    with pytest.raises(ContractError, match=reason):
        check_token_weight(weight)


def mean_probability(logprob):
    return logprob.exp().mean(-1)


def share_of_the_batch(logprob, mask):
    return mask.sum(-1) / mask.sum().to(logprob.dtype)


@pytest.mark.parametrize(
    ("weight", "reason"),
    [
        (squared, r"got weights of shape \[4, 6\], expected \[4\]"),
        (mean_probability, "got other weights after masked tokens changed"),
        (share_of_the_batch, "for a row alone"),
    ],
)
def test_a_wrong_row_weight_fails(weight, reason):
    with pytest.raises(ContractError, match=reason):
        check_row_weight(weight)


def numbers(rewards):
    return SimpleNamespace(on_policy=rewards.best > 0, expert=rewards.mean)


def one_answer(rewards):
    return SimpleNamespace(on_policy=rewards.best > 0, expert=torch.tensor(True))


def below_average(rewards):
    return Opened(rewards.best > -9, rewards.mean < rewards.mean.mean())


def nothing(rewards):
    return None


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        (nothing, "on_policy: got None, expected a bool tensor in `Opened`"),
        (numbers, r"expert: got tensor\(.*, expected a bool tensor in `Opened`"),
        (one_answer, r"expert: got shape \[\], expected \[4\]"),
        (below_average, "expert: got False for a prompt alone and True in a batch"),
    ],
)
def test_a_wrong_gate_fails(gate, reason):
    with pytest.raises(ContractError, match=reason):
        check_gate(gate)


class Counter(MuRule):
    """A rule with a state."""

    def __init__(self, decay: float = 0.9):
        self.decay, self.mu = decay, 1.0

    def next(self, step: int, figures: BatchFigures) -> float:
        self.mu *= self.decay
        return self.mu

    def state_dict(self):
        return {"mu": self.mu}

    def load_state_dict(self, state):
        self.mu = state["mu"]


class AboveOne(Counter):
    def next(self, step, figures):
        return 0.5 * step


class Text(Counter):
    def next(self, step, figures):
        return "0.5"


class Forgetful(Counter):
    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


class TensorState(Counter):
    def state_dict(self):
        return {"mu": torch.tensor(self.mu)}


class Shared(Counter):
    calls = itertools.count(1)

    def next(self, step, figures):
        return 1 / next(self.calls)


class NanMetric(Counter):
    def metrics(self):
        return {"mu/figure": math.nan}


class Broken(Counter):
    def next(self, step, figures):
        return figures.rewards[9]


def test_your_own_mu_rule_passes_as_such_and_by_its_path():
    check_mu_rule(Counter, decay=0.5)
    check_mu_rule(f"{HERE}.Counter")


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (AboveOne, r"got μ = 1.5 at step 3, expected a number in \[0, 1\]"),
        (Text, "got μ = '0.5' at step 1"),
        (Forgetful, "after resuming, expected"),
        (TensorState, "expected what JSON can hold"),
        (Shared, "in a second run with the same batches"),
        (NanMetric, "metrics: got {'mu/figure': nan} at step 1"),
        (Broken, "got IndexError, expected μ: tuple index out of range"),
    ],
)
def test_a_wrong_mu_rule_fails(rule, reason):
    with pytest.raises(ContractError, match=reason):
        check_mu_rule(rule)


class Reinforce(PolicyLossFn):
    """A plain mean of -A·log p over tokens."""

    def __call__(self, logprob, old_logprob, action_mask, advantages, **kwargs):
        return masked_mean(-advantages * logprob, action_mask), {}

    @classmethod
    def default_args(cls):
        return {}

    @property
    def select_keys(self):
        return ["old_logprob", "action_mask", "advantages"]


class Centered(Reinforce):
    """The same, with the mean advantage of the micro-batch subtracted."""

    def __call__(self, logprob, old_logprob, action_mask, advantages, **kwargs):
        return super().__call__(logprob, old_logprob, action_mask, advantages - advantages.mean())


def test_your_own_loss_passes_as_such_and_by_its_path():
    check_rl_loss(Reinforce)
    check_rl_loss(f"{HERE}.Reinforce")


@pytest.mark.parametrize(
    ("loss", "reason"), [(Centered, "rl_loss '.*Centered'"), ("gsop", "'gsop'")]
)
def test_a_wrong_loss_fails(loss, reason):
    with pytest.raises(ContractError, match=reason):
        check_rl_loss(loss)
