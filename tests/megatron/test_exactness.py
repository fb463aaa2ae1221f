"""The promise on verl's Megatron engine: a step's gradient is the paper's on the whole batch.

See `engine` for what is real and what is not. Not covered: tensor parallelism, which shares the
work on a token and does not change its loss; interleaved pipelines; mixtures of experts.
"""

import pytest

from tests.exactness.reference import reference
from tests.exactness.rows import MU, make_rows
from tests.exactness.test_exactness import relative_difference
from tests.exactness.trainer import Case, Split
from tests.megatron.engine import FOLDER, Layout, has_megatron, run_megatron
from tests.tiny_model import make_model_folder
from trinity_chord.plugin import names

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not has_megatron(),
        reason=f"needs megatron-core in the environment or in {FOLDER}, where `make test` puts it",
    ),
]

RANKS = 4
LAYOUTS = [Layout(), Layout(context=2), Layout(pipeline=2), Layout(pipeline=2, context=2)]
REFUSED = Layout(context=2, per_token_loss=True)
SPLITS = [Split(rows=1), Split(rows=2), Split(tokens=64)]
CASES = {
    mode: Case(mode, names.POLICY_LOSS, {"token_weight": "phi"}, mode, mode, order="apart")
    for mode in ("token-mean", "seq-mean-token-mean")
}


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    return str(make_model_folder(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def gradients(model_path, tmp_path_factory):
    work = str(tmp_path_factory.mktemp("megatron"))
    layouts = [*LAYOUTS, REFUSED]
    return run_megatron(model_path, work, RANKS, layouts, list(CASES.values()), SPLITS)


@pytest.fixture(scope="module")
def expected(model_path):
    def gradient(mode):
        modes = {"on_policy_mode": mode, "expert_mode": mode}
        return reference(model_path, make_rows(mode, mode), mu=MU, weight="phi", **modes)[1]

    return {mode: gradient(mode) for mode in CASES}


@pytest.mark.parametrize("split", SPLITS, ids=str)
@pytest.mark.parametrize("mode", CASES)
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_the_gradient_is_that_of_the_whole_batch(gradients, expected, layout, mode, split):
    found = gradients[str(layout), mode, str(split)]
    assert relative_difference(found, expected[mode]) <= 1e-6


@pytest.mark.parametrize("split", SPLITS, ids=str)
def test_the_refused_loss_per_token_grows_with_the_ranks(gradients, expected, split):
    found = gradients[str(REFUSED), "token-mean", str(split)]
    shrunk = {name: gradient / RANKS for name, gradient in found.items()}
    assert relative_difference(shrunk, expected["token-mean"]) <= 1e-6
