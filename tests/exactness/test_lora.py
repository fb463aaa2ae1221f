"""The promise with LoRA: the adapter's gradient is that of the whole batch, for any split.

As in `test_exactness`, but the trainer's model is a frozen one with an adapter, which Trinity
builds from `model.lora_configs`. The reference has no adapter; see `adapter`. Where a reference
policy is needed, Trinity takes the model without its adapter.
"""

import pytest
import torch

from tests.exactness.adapter import A, B, adapter_gradient, make_adapted_policy
from tests.exactness.policy import make_policy
from tests.exactness.test_exactness import (
    CASES,
    REFERENCE_ERROR,
    SPLIT_ERROR,
    TWO_SPLITS,
    check_metrics,
    relative_difference,
    spread_of,
    whole_batch,
)
from tests.exactness.trainer import WHOLE

pytestmark = pytest.mark.slow

NAMES = (
    "phi, token-mean, kinds apart",
    "sft, seq-mean-token-mean",
    "phi with KL",
    "iw_sft of phi",
)
STEPS = [(name, split, "fp32") for name in NAMES for split in TWO_SPLITS]
STEPS += [(name, split, "fp64") for name in ("phi with KL",) for split in TWO_SPLITS]


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    base = make_policy(tmp_path_factory.mktemp("base"))
    return make_adapted_policy(tmp_path_factory.mktemp("adapted"), base)


@pytest.fixture(scope="module")
def references(policy):
    """{case: (loss, gradient of the adapter, metrics)}."""
    state, found = torch.load(policy.weights_path), {}
    for name in NAMES:
        loss, gradient, metrics = whole_batch(CASES[name], policy)
        found[name] = loss, adapter_gradient(gradient, state), metrics
    return found


def adapter_of(outcome):
    return {name: each for name, each in outcome.gradient.items() if name.endswith((A, B))}


@pytest.mark.parametrize(("name", "split", "dtype"), STEPS, ids=str)
def test_the_adapters_gradient_is_that_of_the_whole_batch(
    outcomes, one_rank, references, name, split, dtype
):
    found = adapter_of(outcomes[name, str(split), dtype])
    whole = adapter_of(one_rank[name, str(WHOLE), dtype])
    assert found.keys() == references[name][1].keys()
    assert relative_difference(found, whole) <= SPLIT_ERROR[dtype]
    assert relative_difference(found, references[name][1]) <= REFERENCE_ERROR[dtype]


@pytest.mark.parametrize(("name", "split", "dtype"), STEPS, ids=str)
def test_the_metrics_are_those_of_the_whole_batch(outcomes, references, name, split, dtype):
    check_metrics(outcomes[name, str(split), dtype].metrics, references[name])


def test_the_weights_of_the_model_itself_do_not_move(outcomes):
    for outcome in outcomes.values():
        frozen = [each for name, each in outcome.gradient.items() if not name.endswith((A, B))]
        assert len(frozen) == 27
        assert not any(each.any() for each in frozen)


def test_the_probabilities_span_0_to_1_and_every_clip_is_active(policy):
    tenths, active = spread_of(policy)
    assert (tenths > 0).all()
    assert all(active.values())
