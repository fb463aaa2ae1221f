"""The study's loop takes the step that `trinity run` takes.

A batch that the loop sampled goes to Trinity's trainer as rows, with Trinity's own advantages and
the package's stamps, and both compute the gradient in float64.
"""

import pytest
import torch
from trinity.algorithm.advantage_fn.grpo_advantage import GRPOGroupedAdvantage
from trinity.common.experience import EID, Experience

from examples.study.cells import Cell
from examples.study.loop import (
    EXPERT_ROWS,
    REPEATS,
    ROWS,
    Sampler,
    batch_loss,
    batch_rows,
    batch_tensors,
    collect,
)
from examples.study.mix_chord import MICRO_BATCH
from examples.study.registry import make_task
from examples.study.starts import load_start
from tests.exactness.policy import Policy
from tests.exactness.trainer import Case, Job, Split, run_trainer
from trinity_chord.plugin import names
from trinity_chord.plugin.training.stamping import as_expert, stamp
from trinity_chord.quickstart.tokenizer import build_tokenizer

pytestmark = pytest.mark.slow

TASK, UPDATE = "chain", 2e-2
CELLS = {
    "chord_phi": Cell("test", TASK, "chord_phi", seed=0, task_seed=3, rate=1e-4, value=0.9),
    "sft": Cell("test", TASK, "mu_0.3", seed=0, task_seed=3, rate=1e-4),
    "mix_chord": Cell("test", TASK, "mu_0.3", seed=0, task_seed=3, rate=1e-4, scaling="mix_chord"),
}
LOSSES = {
    "chord_phi": (names.POLICY_LOSS, {"token_weight": "phi"}),
    "sft": (names.POLICY_LOSS, {"token_weight": "sft"}),
    "mix_chord": (
        "mix_chord",
        {
            "mu_valley": 0.3,
            "enable_phi_function": False,
            "clip_range": 0.2,
            "use_dynamic_bsz": False,
            "ppo_mini_batch_size": ROWS,
            "ppo_micro_batch_size_per_gpu": MICRO_BATCH,
            "train_batch_size_usual": ROWS - EXPERT_ROWS,
            "train_batch_size_expert": EXPERT_ROWS,
        },
    ),
}
SPLITS = {
    "chord_phi": Split(tokens=256),
    "sft": Split(tokens=256),
    "mix_chord": Split(rows=MICRO_BATCH),
}


def sampled_batch(cell, policy):
    """Return a batch of the start policy, and change the policy, so that ratios are not 1."""
    [stage] = cell.stages
    batch = collect(make_task(TASK), policy, stage, stage.mu_rule(), 1, Sampler(cell))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter += UPDATE * torch.randn(parameter.shape, generator=generator)
    return batch


def trinity_rows(batch):
    """Return a batch as rows of Trinity, stamped."""
    own, experts = batch_rows(make_task(TASK), batch)
    rollouts = [_row(i, *row) for i, row in enumerate(own)]
    for i, row in enumerate(rollouts):
        row.reward = float(batch.rewards[i])
        row.logprobs = torch.tensor(batch.rollouts[i].logprobs)
    rollouts, _ = GRPOGroupedAdvantage().process(rollouts)
    answers = [as_expert(_row(len(own) + i, *row)) for i, row in enumerate(experts)]
    modes = {"on_policy_mode": "token-mean", "expert_mode": "token-mean"}
    stamp(rollouts, answers, mu=batch.mu, **modes)
    return [*rollouts, *answers]


def _row(index, prompt, response):
    return Experience(
        eid=EID(task=str(index // REPEATS), run=index),
        tokens=torch.tensor(prompt + response),
        prompt_length=len(prompt),
        action_mask=torch.ones(len(response), dtype=torch.bool),
        logprobs=torch.zeros(len(response)),
        info={"model_version": 0},
    )


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """{name: (loss and gradient of the loop, outcome of the trainer)}."""
    folder = tmp_path_factory.mktemp("start")
    policies = {name: load_start(TASK, "instruct", "small") for name in CELLS}
    batches = {name: sampled_batch(cell, policies[name]) for name, cell in CELLS.items()}
    policies["sft"].save_pretrained(folder)
    build_tokenizer(make_task(TASK).characters).save_pretrained(folder)
    torch.save(policies["sft"].state_dict(), folder / "weights.pt")
    policy = Policy(str(folder), str(folder / "weights.pt"), str(folder), [])
    jobs = [
        Job(_case(name, trinity_rows(batch)), SPLITS[name], "fp64")
        for name, batch in batches.items()
    ]
    outcomes = run_trainer(policy, str(folder), 1, jobs)
    return {
        job.case.name: (loop_step(job.case.name, batches, policies), outcomes[job.key])
        for job in jobs
    }


def _case(name, rows):
    return Case(name, *LOSSES[name], rows=rows, row_fields={"step": 1})


def loop_step(name, batches, policies):
    """Return the loss and the gradient of the study's loop, in float64."""
    cell, policy, batch = CELLS[name], policies[name].double(), batches[name]
    given = batch_tensors(policy, batch, *batch_rows(make_task(TASK), batch))
    loss = batch_loss(cell, cell.stages[0], batch, given, None)
    loss.backward()
    return loss.item(), {key: each.grad for key, each in policy.named_parameters()}


@pytest.mark.parametrize("name", CELLS)
def test_the_gradient_is_that_of_trinitys_trainer(steps, name):
    (_, gradient), outcome = steps[name]
    assert gradient.keys() == outcome.gradient.keys()
    difference = sum((gradient[key] - outcome.gradient[key]).square().sum() for key in gradient)
    size = sum(each.square().sum() for each in gradient.values())
    assert (difference / size).sqrt() <= 1e-6


@pytest.mark.parametrize("name", CELLS)
def test_the_loss_is_that_of_trinitys_trainer(steps, name):
    (loss, _), outcome = steps[name]
    assert outcome.metrics["actor/loss"] == pytest.approx(loss, rel=1e-6)


def test_the_clip_is_active(steps):
    for _, outcome in steps.values():
        assert outcome.metrics["actor/usual/pg_clipfrac"] > 0.01
