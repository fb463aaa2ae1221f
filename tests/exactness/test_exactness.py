"""The promise: one optimiser step's gradient is the paper's on the whole batch, for every cut.

Runs verl's real FSDP2 engine in 1 and 2 gloo ranks and compares gradients and metrics with
`reference`, which knows neither verl nor stamps. Not covered: sequence, tensor and pipeline
parallelism, bfloat16, and more than one machine.
"""

import pytest
import torch

from tests.exactness.engine import Case, Cut, run_engine
from tests.exactness.presets import preset_cases
from tests.exactness.reference import reference
from tests.exactness.rows import MU, make_rows, open_rows
from tests.quickstart_folder import make_quickstart_folder
from tests.tiny_model import make_model_folder
from trinity_chord.plugin import names
from trinity_chord.presets import PRESETS

pytestmark = pytest.mark.slow

CUTS = [Cut(rows=1), Cut(rows=2), Cut(rows=4), Cut(rows=16), Cut(tokens=64), Cut(tokens=128)]
TWO_CUTS = [Cut(rows=2), Cut(tokens=64)]
KL, BONUS = 0.05, 0.01


def family(name, on_policy_mode="token-mean", **slots):
    return Case(name, names.POLICY_LOSS, {"token_weight": "sft", **slots}, on_policy_mode)


def chord(name, weight, on_policy_mode="token-mean", expert_mode="token-mean", order="mixed"):
    return Case(
        name, names.POLICY_LOSS, {"token_weight": weight}, on_policy_mode, expert_mode, order
    )


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
        Case(
            "phi with KL",
            names.POLICY_LOSS,
            {"token_weight": "phi", "kl_loss_fn": "k2", "kl_loss_fn_args": {"kl_coef": KL}},
        ),
        Case(
            "phi with an entropy bonus",
            names.POLICY_LOSS,
            {"token_weight": "phi"},
            entropy_loss_fn=names.ENTROPY_LOSS,
            entropy_loss_fn_args={"entropy_coef": BONUS},
        ),
        family("psft", token_weight="psft"),
        family("iw_sft of phi", token_weight="phi", row_weight="iw_sft"),
        family("gspo", "seq-mean-token-mean", rl_loss="gspo", rl_loss_args={"clip_range": 0.2}),
        family("opmd", rl_loss="opmd"),
    )
}
EVERY_CUT = ("phi, token-mean", "phi, token-mean, kinds apart", "sft, seq-mean-token-mean")
CASES_AND_CUTS = [
    (name, cut) for name in CASES for cut in (CUTS if name in EVERY_CUT else TWO_CUTS)
]


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    return str(make_model_folder(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """{preset: case}, from the shipped configurations with a model and data to read."""
    folder = tmp_path_factory.mktemp("presets")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in make_quickstart_folder(folder).items():
            patch.setenv(name, value)
        return preset_cases(folder / "checkpoints")


@pytest.fixture(scope="module", params=[1, 2], ids=["1 rank", "2 ranks"])
def outcomes(request, model_path, presets, tmp_path_factory):
    work = str(tmp_path_factory.mktemp("engine"))
    of_presets = {case.name: case for case in presets.values()}
    jobs = [(CASES[name], cut) for name, cut in CASES_AND_CUTS]
    jobs += [(case, cut) for case in of_presets.values() for cut in TWO_CUTS]
    return run_engine(model_path, work, request.param, jobs)


@pytest.fixture(scope="module")
def references(model_path, presets):
    every = {**CASES, **{case.name: case for case in presets.values()}}
    return {name: whole_batch(case, model_path) for name, case in every.items()}


def whole_batch(case, model_path):
    rows = make_rows(case.on_policy_mode, case.expert_mode, case.order, kinds=case.kinds)
    return reference(
        model_path,
        open_rows(rows) if case.order == "gated" else rows,
        mu=MU,
        weight=case.policy_loss_fn_args["token_weight"],
        on_policy_mode=case.on_policy_mode,
        expert_mode=case.expert_mode,
        kl_coef=KL if case.policy_loss_fn_args.get("kl_loss_fn") else 0.0,
        row_rule=case.policy_loss_fn_args.get("row_weight", "all"),
        rl_loss=case.policy_loss_fn_args.get("rl_loss", "ppo"),
        entropy=case.entropy_loss_fn_args["entropy_coef"],
    )


def relative_difference(found, wanted):
    flat = torch.cat([found[name].double().flatten() - g.flatten() for name, g in wanted.items()])
    return float(flat.norm() / torch.cat([g.flatten() for g in wanted.values()]).norm())


def check_metrics(found, reference):
    loss, _, metrics = reference
    for key, wanted in {**metrics, "actor/loss": loss}.items():
        assert found[key] == pytest.approx(wanted, rel=2e-5, abs=1e-6), key


@pytest.mark.parametrize(("name", "cut"), CASES_AND_CUTS, ids=str)
def test_gradient_is_the_whole_batchs(outcomes, references, name, cut):
    _, gradient, _ = references[name]
    assert relative_difference(outcomes[name, str(cut)].gradient, gradient) <= 1e-6


@pytest.mark.parametrize(("name", "cut"), CASES_AND_CUTS, ids=str)
def test_metrics_are_the_whole_batchs(outcomes, references, name, cut):
    check_metrics(outcomes[name, str(cut)].metrics, references[name])


@pytest.mark.parametrize("cut", TWO_CUTS, ids=str)
@pytest.mark.parametrize("name", PRESETS)
def test_a_presets_gradient_is_the_whole_batchs(outcomes, references, presets, name, cut):
    case = presets[name].name
    _, gradient, _ = references[case]
    assert relative_difference(outcomes[case, str(cut)].gradient, gradient) <= 1e-6


@pytest.mark.parametrize("cut", TWO_CUTS, ids=str)
@pytest.mark.parametrize("name", PRESETS)
def test_a_presets_metrics_are_the_whole_batchs(outcomes, references, presets, name, cut):
    case = presets[name].name
    check_metrics(outcomes[case, str(cut)].metrics, references[case])


def test_cuts_with_one_kind_of_row_were_among_them(outcomes):
    kinds = outcomes["phi, token-mean, kinds apart", "fixed 4"].kinds
    assert any(on_policy == 0 for _, on_policy in kinds) or any(expert == 0 for expert, _ in kinds)
    alone = outcomes["phi, token-mean", "fixed 1"].kinds
    assert {(0, 1), (1, 0)} == set(alone)
