"""The promise with images, in on-policy and in expert rows, on a Qwen2.5-VL with its vision layers.

As in `test_exactness`, but most rows have one or two images of different sizes and some have none,
so that micro-batches, and ranks at the same moment, have images or not.
"""

import pytest

from tests.exactness.policy import make_policy
from tests.exactness.rows import make_rows
from tests.exactness.test_exactness import (
    CASES,
    REFERENCE_ERROR,
    check_metrics,
    relative_difference,
    whole_batch,
)
from tests.exactness.trainer import WHOLE, Split

pytestmark = pytest.mark.slow

NAMES = ("phi, token-mean", "phi with KL", "psft")
SPLITS = [Split(rows=1), Split(rows=2), Split(tokens=64)]
STEPS = [(name, split, "fp32") for name in NAMES for split in SPLITS]
STEPS += [("phi, token-mean", split, "fp64") for split in SPLITS]
# In float32 a little more than without images: the patches of a micro-batch are added up together.
SPLIT_ERROR = {"fp32": 3e-6, "fp64": 1e-14}


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    return make_policy(tmp_path_factory.mktemp("policy"), images=True)


@pytest.fixture(scope="module")
def references(policy):
    return {name: whole_batch(CASES[name], policy) for name in NAMES}


@pytest.mark.parametrize(("name", "split", "dtype"), STEPS, ids=str)
def test_the_gradient_is_that_of_the_whole_batch(
    outcomes, one_rank, references, name, split, dtype
):
    found = outcomes[name, str(split), dtype].gradient
    whole = one_rank[name, str(WHOLE), dtype].gradient
    assert relative_difference(found, whole) <= SPLIT_ERROR[dtype]
    assert relative_difference(found, references[name][1]) <= REFERENCE_ERROR[dtype]


@pytest.mark.parametrize(("name", "split", "dtype"), STEPS, ids=str)
def test_the_metrics_are_those_of_the_whole_batch(outcomes, references, name, split, dtype):
    check_metrics(outcomes[name, str(split), dtype].metrics, references[name])


def test_the_layers_that_read_images_learn(references):
    gradient = references["phi, token-mean"][1]
    assert all(gradient[name].any() for name in gradient if ".visual." in name)


def test_both_kinds_of_rows_have_some_with_and_some_without_images():
    rows = make_rows("token-mean", "token-mean", images=True)
    for is_expert in (False, True):
        kind = [row for row in rows if row.info["is_expert"] == is_expert]
        have = ["pixel_values" in row.multi_modal_inputs for row in kind]
        assert any(have)
        assert not all(have)
