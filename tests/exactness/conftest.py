"""The outcomes that the exactness tests compare; a module defines `policy`, `CASES` and `STEPS`."""

import pytest

from tests.exactness.trainer import WHOLE, Job, run_trainer


@pytest.fixture(scope="module")
def jobs(request):
    """The train steps of a module's `STEPS`, and those of the batches that are not split."""
    cases, steps = request.module.CASES, request.module.STEPS
    whole = dict.fromkeys((name, WHOLE, dtype) for name, _, dtype in steps)
    return [Job(cases[name], split, dtype) for name, split, dtype in [*whole, *steps]]


@pytest.fixture(scope="module")
def one_rank(jobs, policy, tmp_path_factory):
    return run_trainer(policy, str(tmp_path_factory.mktemp("one")), 1, jobs)


@pytest.fixture(scope="module")
def two_ranks(jobs, policy, tmp_path_factory):
    return run_trainer(policy, str(tmp_path_factory.mktemp("two")), 2, jobs)


@pytest.fixture(params=["one_rank", "two_ranks"])
def outcomes(request):
    return request.getfixturevalue(request.param)
