"""What the same engine does to Trinity's own `mix_chord`: a comparison, not a failure.

Given all six batch numbers, and given them right, its gradient still grows with the number of
micro-batches, and the loss of one without an expert row is NaN where rows are averaged.
"""

import math

import pytest
import torch

from tests.exactness.engine import Case, Cut, run_engine
from tests.exactness.rows import EXPERTS, ROWS
from tests.tiny_model import make_model_folder

pytestmark = pytest.mark.slow

CUTS = [Cut(rows=16), Cut(rows=2), Cut(rows=4), Cut(tokens=64)]


def mix_chord(name, mode, order, cut, ranks=1):
    numbers = {
        "use_dynamic_bsz": cut.tokens is not None,
        "ppo_mini_batch_size": ROWS,
        "ppo_micro_batch_size_per_gpu": cut.rows or ROWS,
        "ngpus_trainer": ranks,
        "train_batch_size_usual": ROWS - EXPERTS,
        "train_batch_size_expert": EXPERTS,
    }
    args = {"clip_range": 0.2, "loss_agg_mode": mode, **numbers}
    return Case(name, "mix_chord", args, mode, mode, order, extra_fields={"step": 1})


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """{(case name, cut): (norm of the gradient, loss)}; each cut is told its own six numbers."""
    model = str(make_model_folder(tmp_path_factory.mktemp("model")))
    work = str(tmp_path_factory.mktemp("engine"))
    kinds = {
        "token-mean": ("token-mean", "paired"),
        "seq-mean": ("seq-mean-token-mean", "paired"),
        "seq-mean, kinds apart": ("seq-mean-token-mean", "apart"),
    }
    jobs = [(mix_chord(name, *kinds[name], cut), cut) for name in kinds for cut in CUTS]
    return {
        name_and_cut: (gradient_norm(outcome), outcome.metrics["actor/loss"])
        for name_and_cut, outcome in run_engine(model, work, 1, jobs).items()
    }


def gradient_norm(outcome):
    return float(torch.cat([g.flatten() for g in outcome.gradient.values()]).norm())


@pytest.mark.parametrize(("cut", "factor"), [("fixed 2", 8), ("fixed 4", 4)])
@pytest.mark.parametrize("name", ["token-mean", "seq-mean"])
def test_mix_chords_gradient_grows_with_the_number_of_micro_batches(outcomes, name, cut, factor):
    assert outcomes[name, cut][0] / outcomes[name, "fixed 16"][0] == pytest.approx(factor, rel=0.15)


def test_mix_chords_gradient_grows_under_dynamic_micro_batches(outcomes):
    assert outcomes["token-mean", "dynamic 64"][0] / outcomes["token-mean", "fixed 16"][0] > 2


def test_mix_chords_loss_is_nan_where_a_micro_batch_lacks_a_kind(outcomes):
    assert math.isnan(outcomes["seq-mean, kinds apart", "fixed 2"][1])
