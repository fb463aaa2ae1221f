"""The promise: one optimizer step's gradient is the paper's on the whole batch, for any split.

Trinity's trainer takes real steps on verl's FSDP2 engine, in 1 and 2 gloo ranks, of a policy whose
tokens have probabilities from 0 to 1 and with all of PPO's clips active; see `trainer`. The steps
are compared with the step on the batch that is not split, in float32 and in float64, and with
`reference`, which uses neither verl nor stamps. Not covered: sequence, tensor and pipeline
parallelism, bfloat16, and more than one machine.
"""

import pytest
import torch

from tests.exactness.policy import logprobs_of, make_policy
from tests.exactness.presets import preset_cases
from tests.exactness.reference import reference
from tests.exactness.rows import MU, make_rows, open_rows
from tests.exactness.trainer import WHOLE, Case, Job, Split
from tests.quickstart_folder import make_quickstart_folder
from trinity_chord.plugin import names
from trinity_chord.presets import PRESETS

pytestmark = pytest.mark.slow

SPLITS = [Split(rows=1), Split(rows=2), Split(rows=4), Split(tokens=64), Split(tokens=128)]
TWO_SPLITS = [Split(rows=2), Split(tokens=64)]
KL, BONUS = 0.05, 0.01
# How far a split step may be from the whole batch's, |g - g_whole| / |g_whole|.
SPLIT_ERROR = {"fp32": 1e-6, "fp64": 1e-15}
# How far a step may be from the float64 reference: in float32, that is the error of the model, the
# same without a split; in float64, that of the stamps, which are float32.
REFERENCE_ERROR = {"fp32": 5e-6, "fp64": 1e-7}


def chord(name, weight, on_policy_mode="token-mean", expert_mode="token-mean", **settings):
    args = {"token_weight": weight, **settings.pop("args", {})}
    return Case(name, names.POLICY_LOSS, args, on_policy_mode, expert_mode, **settings)


CASES = {
    case.name: case
    for case in (
        chord("phi, token-mean", "phi"),
        chord("phi, token-mean, kinds apart", "phi", order="apart"),
        chord("sft, seq-mean-token-mean", "sft", *["seq-mean-token-mean"] * 2, order="apart"),
        chord("is, seq-mean-token-sum", "is", *["seq-mean-token-sum"] * 2),
        chord("sft, norm and token-mean", "sft", "seq-mean-token-sum-norm", "token-mean"),
        chord("phi, gated", "phi", order="gated"),
        chord("sft, norm, gated", "sft", *["seq-mean-token-sum-norm"] * 2, order="gated"),
        chord(
            "phi with KL",
            "phi",
            args={"kl_loss_fn": "k2", "kl_loss_fn_args": {"kl_coef": KL}},
            reference=True,
        ),
        chord(
            "phi with an entropy bonus",
            "phi",
            entropy_loss_fn=names.ENTROPY_LOSS,
            entropy_coef=BONUS,
        ),
        chord(
            "phi with KL at temperature 0.7",
            "phi",
            args={"kl_loss_fn": "k2", "kl_loss_fn_args": {"kl_coef": KL}},
            reference=True,
            temperature=0.7,
        ),
        chord("psft", "psft", recompute=True),
        chord("iw_sft of phi", "phi", args={"row_weight": "iw_sft"}, reference=True),
        chord(
            "gspo",
            "sft",
            "seq-mean-token-mean",
            args={"rl_loss": "gspo", "rl_loss_args": {"clip_range": 0.2}},
        ),
        chord("opmd", "sft", args={"rl_loss": "opmd"}),
    )
}
EVERY_SPLIT = ("phi, token-mean", "phi, token-mean, kinds apart", "sft, seq-mean-token-mean")
STEPS = [
    (name, split, "fp32")
    for name in CASES
    for split in (SPLITS if name in EVERY_SPLIT else TWO_SPLITS)
]
STEPS += [(name, split, "fp64") for name in EVERY_SPLIT for split in SPLITS]


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    return make_policy(tmp_path_factory.mktemp("policy"))


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """{preset: case}, from the shipped configurations with a model and data to read."""
    folder = tmp_path_factory.mktemp("presets")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in make_quickstart_folder(folder).items():
            patch.setenv(name, value)
        return preset_cases(folder / "checkpoints")


@pytest.fixture(scope="module")
def jobs(presets):
    of_presets = {case.name: case for case in presets.values()}
    steps = [(CASES[name], split, dtype) for name, split, dtype in STEPS]
    steps += [(case, split, "fp32") for case in of_presets.values() for split in TWO_SPLITS]
    whole = {(case.name, dtype): Job(case, WHOLE, dtype) for case, _, dtype in steps}
    return [*whole.values(), *(Job(*step) for step in steps)]


@pytest.fixture(scope="module")
def references(policy, presets):
    every = {**CASES, **{case.name: case for case in presets.values()}}
    return {name: whole_batch(case, policy) for name, case in every.items()}


def whole_batch(case, policy):
    rows = make_rows(
        case.on_policy_mode,
        case.expert_mode,
        case.order,
        kinds=case.kinds,
        old_logprobs=policy.old_logprobs,
        images=policy.images,
    )
    return reference(
        policy.path,
        open_rows(rows) if case.order == "gated" else rows,
        mu=MU,
        weight=case.policy_loss_fn_args["token_weight"],
        on_policy_mode=case.on_policy_mode,
        expert_mode=case.expert_mode,
        kl_coef=KL if case.policy_loss_fn_args.get("kl_loss_fn") else 0.0,
        row_rule=case.policy_loss_fn_args.get("row_weight", "all"),
        rl_loss=case.policy_loss_fn_args.get("rl_loss", "ppo"),
        entropy=case.entropy_coef,
        reference_path=policy.reference_path if case.reference else None,
        recompute=case.recompute,
        temperature=case.temperature,
    )


def norm(gradient):
    return torch.cat([each.double().flatten() for each in gradient.values()]).norm().item()


def relative_difference(found, expected):
    difference = {name: found[name].double() - each for name, each in expected.items()}
    return norm(difference) / norm(expected)


def check_metrics(found, reference):
    loss, gradient, metrics = reference
    expected = {**metrics, "actor/loss": loss, "actor/grad_norm": norm(gradient)}
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=2e-5, abs=1e-6), key


def check_gradient(outcomes, one_rank, references, key):
    name, _, dtype = key
    found, whole = outcomes[key].gradient, one_rank[name, str(WHOLE), dtype].gradient
    assert relative_difference(found, whole) <= SPLIT_ERROR[dtype]
    assert relative_difference(found, references[name][1]) <= REFERENCE_ERROR[dtype]


@pytest.mark.parametrize(("name", "split", "dtype"), STEPS, ids=str)
def test_the_gradient_is_that_of_the_whole_batch(
    outcomes, one_rank, references, name, split, dtype
):
    check_gradient(outcomes, one_rank, references, (name, str(split), dtype))


@pytest.mark.parametrize(("name", "split", "dtype"), STEPS, ids=str)
def test_the_metrics_are_those_of_the_whole_batch(outcomes, references, name, split, dtype):
    check_metrics(outcomes[name, str(split), dtype].metrics, references[name])


@pytest.mark.parametrize("split", TWO_SPLITS, ids=str)
@pytest.mark.parametrize("name", PRESETS)
def test_the_gradient_of_a_preset_is_that_of_the_whole_batch(
    outcomes, one_rank, references, presets, name, split
):
    key = (presets[name].name, str(split), "fp32")
    check_gradient(outcomes, one_rank, references, key)


@pytest.mark.parametrize("split", TWO_SPLITS, ids=str)
@pytest.mark.parametrize("name", PRESETS)
def test_the_metrics_of_a_preset_are_those_of_the_whole_batch(
    outcomes, references, presets, name, split
):
    case = presets[name].name
    check_metrics(outcomes[case, str(split), "fp32"].metrics, references[case])


def test_some_micro_batches_have_one_kind_of_row_only(outcomes):
    kinds = outcomes["phi, token-mean, kinds apart", "fixed 4", "fp32"].kinds
    assert any(0 in counts for counts in kinds)
    alone = outcomes["phi, token-mean", "fixed 1", "fp32"].kinds
    assert set(alone) == {(0, 1), (1, 0)}


def spread_of(policy):
    """Return how many tokens have a probability in each tenth, and which of PPO's clips act."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(policy.path, dtype=torch.float64)
    p, ratio, advantage = [], [], []
    with torch.no_grad():
        for row in make_rows("token-mean", "token-mean", old_logprobs=policy.old_logprobs):
            logprob = logprobs_of(model, row)[row.action_mask]
            p.append(logprob.exp())
            if not row.info["is_expert"]:
                ratio.append((logprob - row.logprobs[row.action_mask]).exp())
                advantage.append(row.advantages[row.action_mask])
    p, ratio, advantage = map(torch.cat, (p, ratio, advantage))
    tenths = torch.histc(p, bins=10, min=0, max=1)
    active = {
        "upper": ((ratio > 1.2) & (advantage > 0)).any(),
        "lower": ((ratio < 0.8) & (advantage < 0)).any(),
        "dual": ((ratio > 3.0) & (advantage < 0)).any(),
    }
    return tenths, active


def test_the_probabilities_span_0_to_1_and_every_clip_is_active(policy):
    tenths, active = spread_of(policy)
    assert (tenths > 0).all()
    assert all(active.values())


def test_the_clips_are_active_in_the_steps(references):
    metrics = references["phi, token-mean"][2]
    assert metrics["actor/usual/pg_clipfrac"] > 0.1
    assert metrics["actor/usual/pg_clipfrac_lower"] > 0.05
