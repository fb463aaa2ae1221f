"""The promise under Trinity's Tinker trainer: a step's gradient is the paper's on the whole batch.

The trainer is Trinity's own, created from a configuration that passed all of its checks; see
`local_service` for the one thing that is replaced. Not covered: Tinker's service itself.
"""

import asyncio

import pytest
from trinity.algorithm import SAMPLE_STRATEGY

from tests.exactness.reference import reference
from tests.exactness.rows import MU, ROWS, make_rows
from tests.exactness.test_exactness import relative_difference
from tests.tinker.local_service import ROWS_PER_REQUEST, make_trainer

pytestmark = pytest.mark.filterwarnings("ignore:DEPRECATED:FutureWarning")

LOSS = "algorithm.policy_loss_fn_args"
FIXED = "trainer.fix_actor_microbatch_loss_scale"
KL = 0.05


def chord(
    weight, on_policy_mode="token-mean", expert_mode="token-mean", kinds="both", kl=0.0, **keys
):
    changes = {
        LOSS: {
            "token_weight": weight,
            "grpo_loss_agg_mode": on_policy_mode,
            "sft_loss_agg_mode": expert_mode,
        },
        **({"algorithm.kl_loss_fn_args": {"kl_coef": kl}} if kl else {}),
        **keys,
    }
    batch = {"on_policy_mode": on_policy_mode, "expert_mode": expert_mode, "kinds": kinds}
    return changes, batch, {"weight": weight, "kl_coef": kl}


CASES = {
    "phi, token-mean": chord("phi"),
    "phi, token-mean, fixed scale": chord("phi", **{FIXED: True}),
    "sft, seq-mean-token-mean": chord("sft", *["seq-mean-token-mean"] * 2),
    "sft, seq-mean-token-mean, fixed scale": chord(
        "sft", *["seq-mean-token-mean"] * 2, **{FIXED: True}
    ),
    "is, seq-mean-token-sum": chord("is", *["seq-mean-token-sum"] * 2),
    "sft, norm and token-mean": chord("sft", "seq-mean-token-sum-norm"),
    "phi with KL": chord("phi", kl=KL),
    "phi with KL, fixed scale": chord("phi", kl=KL, **{FIXED: True}),
    "on-policy rows only": chord("phi", kinds="usual"),
    "expert rows only": chord("phi", kinds="expert"),
    "expert rows only, fixed scale": chord("phi", kinds="expert", **{FIXED: True}),
}


@pytest.fixture
def train(checked_for_tinker, model_path, reference_path):
    """Take a train step; return its metrics, and the reference's loss, gradient and metrics."""

    def train_step(case):
        changes, batch, objective = case
        config = checked_for_tinker(changes)
        rows = make_rows(**batch, backend=config.algorithm.sample_strategy_args["backend"])
        metrics = asyncio.run(make_trainer(config).train_step(rows))
        modes = {key: batch[key] for key in ("on_policy_mode", "expert_mode")}
        expected = reference(
            model_path, rows, mu=MU, reference_path=reference_path, **modes, **objective
        )
        return metrics, expected

    return train_step


@pytest.fixture(params=CASES)
def step(request, train, service):
    metrics, expected = train(CASES[request.param])
    return service.training.gradient, metrics, expected


def test_the_gradient_is_that_of_the_whole_batch(step):
    gradient, _, (_, expected, _) = step
    assert relative_difference(gradient, expected) <= 1e-6


def test_the_metrics_are_those_of_the_whole_batch(step):
    _, found, (loss, _, metrics) = step
    for key, expected in {**metrics, "loss:sum": loss}.items():
        assert found[key] == pytest.approx(expected, rel=2e-5, abs=1e-6), key


def test_a_batch_goes_to_the_service_in_several_requests(train, service):
    train(CASES["phi, token-mean"])
    forward = [ROWS_PER_REQUEST] * (ROWS // ROWS_PER_REQUEST) + [ROWS % ROWS_PER_REQUEST]
    assert service.training.requests == [*forward, *forward]


def test_a_kl_term_sends_one_request_per_row_to_the_reference_model(train, service):
    train(CASES["phi with KL"])
    assert service.reference.requests == ROWS


def test_without_a_kl_term_there_is_no_request_to_the_reference_model(train, service):
    train(CASES["phi, token-mean"])
    assert service.reference.requests == 0


def test_the_strategys_own_expert_rows_can_be_trained_on(checked_for_tinker, service, model_path):
    config = checked_for_tinker(
        {
            "mode": "train",
            "algorithm.sample_strategy_args": {"expert_data_ratio": 1, "expert_rows": 4},
        }
    )
    algorithm = config.algorithm
    strategy = SAMPLE_STRATEGY.get(algorithm.sample_strategy)(
        buffer_config=config.buffer, **algorithm.sample_strategy_args
    )
    rows, _, _ = asyncio.run(strategy.sample(1))
    asyncio.run(make_trainer(config).train_step(rows))
    modes = {"on_policy_mode": "token-mean", "expert_mode": "token-mean"}
    _, expected, _ = reference(model_path, rows, mu=1.0, weight="phi", **modes)
    assert relative_difference(service.training.gradient, expected) <= 1e-6
