"""The promise on verl's Megatron engine: a step's gradient is the paper's on the whole batch.

See `engine` for what is real and what is not. Not covered: tensor parallelism, which shares out
the work on a token and leaves its loss alone; interleaved pipelines; experts of a mixture.
"""

import pytest

from tests.exactness.engine import Case, Cut
from tests.exactness.reference import reference
from tests.exactness.rows import MU, make_rows
from tests.exactness.test_exactness import relative_difference
from tests.megatron.engine import FOLDER, Layout, has_megatron, run_megatron
from tests.tiny_model import make_model_folder
from trinity_chord.plugin import names

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not has_megatron(),
        reason=f"wants megatron-core, in the environment or in {FOLDER}: `make test` puts it there",
    ),
]

RANKS = 4
LAYOUTS = [Layout(), Layout(context=2), Layout(pipeline=2), Layout(pipeline=2, context=2)]
REFUSED = Layout(context=2, per_token_loss=True)
CUTS = [Cut(rows=1), Cut(rows=2), Cut(tokens=64)]
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
    return run_megatron(model_path, work, RANKS, layouts, list(CASES.values()), CUTS)


@pytest.fixture(scope="module")
def wanted(model_path):
    def gradient(mode):
        modes = {"on_policy_mode": mode, "expert_mode": mode}
        return reference(model_path, make_rows(mode, mode), mu=MU, weight="phi", **modes)[1]

    return {mode: gradient(mode) for mode in CASES}


@pytest.mark.parametrize("cut", CUTS, ids=str)
@pytest.mark.parametrize("mode", CASES)
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_gradient_is_the_whole_batchs(gradients, wanted, layout, mode, cut):
    found = gradients[str(layout), mode, str(cut)]
    assert relative_difference(found, wanted[mode]) <= 1e-6


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_the_loss_per_token_that_is_refused_grows_with_the_ranks(gradients, wanted, cut):
    found = gradients[str(REFUSED), "token-mean", str(cut)]
    shrunk = {name: gradient / RANKS for name, gradient in found.items()}
    assert relative_difference(shrunk, wanted["token-mean"]) <= 1e-6
