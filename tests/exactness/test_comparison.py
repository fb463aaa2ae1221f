"""What the same trainer does with Trinity's own `mix_chord`: a comparison, not a failure.

Even with all six batch numbers, and correct ones, its gradient grows with the number of
micro-batches, and if it averages over rows, its loss is NaN for a micro-batch without an expert
row.
"""

import math

import pytest

from tests.exactness.policy import make_policy
from tests.exactness.rows import EXPERTS, ROWS
from tests.exactness.test_exactness import norm
from tests.exactness.trainer import Case, Job, Split, run_trainer

pytestmark = pytest.mark.slow

SPLITS = [Split(rows=16), Split(rows=2), Split(rows=4), Split(tokens=64)]


def mix_chord(name, mode, order, split, ranks=1):
    """Return the case of `mix_chord` for a split, whose numbers it takes as arguments."""
    numbers = {
        "use_dynamic_bsz": split.tokens is not None,
        "ppo_mini_batch_size": ROWS,
        "ppo_micro_batch_size_per_gpu": split.rows or ROWS,
        "ngpus_trainer": ranks,
        "train_batch_size_usual": ROWS - EXPERTS,
        "train_batch_size_expert": EXPERTS,
    }
    args = {"clip_range": 0.2, "loss_agg_mode": mode, **numbers}
    return Case(name, "mix_chord", args, mode, mode, order, row_fields={"step": 1})


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """{(case name, split): (norm of the gradient, loss)}."""
    policy = make_policy(tmp_path_factory.mktemp("policy"))
    kinds = {
        "token-mean": ("token-mean", "paired"),
        "seq-mean": ("seq-mean-token-mean", "paired"),
        "seq-mean, kinds apart": ("seq-mean-token-mean", "apart"),
    }
    jobs = [Job(mix_chord(name, *kinds[name], split), split) for name in kinds for split in SPLITS]
    found = run_trainer(policy, str(tmp_path_factory.mktemp("trainer")), 1, jobs)
    return {
        (name, split): (norm(outcome.gradient), outcome.metrics["actor/loss"])
        for (name, split, _), outcome in found.items()
    }


@pytest.mark.parametrize(("split", "factor"), [("fixed 2", 8), ("fixed 4", 4)])
@pytest.mark.parametrize("name", ["token-mean", "seq-mean"])
def test_the_gradient_of_mix_chord_grows_with_the_micro_batches(outcomes, name, split, factor):
    growth = outcomes[name, split][0] / outcomes[name, "fixed 16"][0]
    assert growth > 0.85 * factor


def test_the_gradient_of_mix_chord_grows_with_dynamic_micro_batches(outcomes):
    assert outcomes["token-mean", "dynamic 64"][0] / outcomes["token-mean", "fixed 16"][0] > 2


def test_the_loss_of_mix_chord_is_nan_if_a_micro_batch_lacks_a_kind(outcomes):
    assert math.isnan(outcomes["seq-mean, kinds apart", "fixed 2"][1])
