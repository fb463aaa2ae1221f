"""The names under which metrics are logged: a change here is a change of what is promised."""

import asyncio

import torch
from trinity.algorithm import SAMPLE_STRATEGY
from trinity.common.experience import EID

from tests.plugin.rows import row
from trinity_chord.objective import BatchFigures, ExpertFigures, get_schedule
from trinity_chord.plugin.training.entropy_loss import ExpertMixEntropyLossFn
from trinity_chord.plugin.training.metrics import take_expert_figures
from trinity_chord.plugin.training.policy_loss import CHORDPolicyLossFn

STRATEGY = "algorithm.sample_strategy_args"
OF_EACH_KIND = ("rows", "open_rows", "tokens", "response_length")
POLICY_LOSS = {
    "expert/loss",
    "expert/nll",
    "expert/prob",
    *(f"expert/prob_hist/{percent / 100:.2f}" for percent in range(0, 100, 5)),
    "expert/weight",
    "usual/pg_clipfrac",
    "usual/pg_clipfrac_lower",
    "usual/pg_loss",
    "usual/ppo_kl",
}
ON_REQUEST = {
    "expert/row_weight",
    "expert/seq_nll_squares",
    "expert/seq_nll_sum",
    "expert/seq_rows",
    "kl_loss",
}
ENTROPY_LOSS = {"entropy_loss", "expert/entropy"}
FEEDBACK = {
    "actor/expert/seq_nll",
    "actor/expert/seq_nll_variance",
    "actor/expert/weight",
}
MU_RULES = {
    "reward_threshold": {"mu/mean_reward"},
    "reward_gap": {"mu/student_reward"},
    "entropy_target": {"mu/entropy", "mu/target_entropy"},
    "gac": {"mu/sigma_r2", "mu/sigma_s2", "mu/delta_g2", "mu/noise_aware", "mu/prior"},
}
OF_THE_BATCH = {
    "time/read_experience",
    "actor/mu",
    "actor/usual/at_response_length_max",
    "actor/usual/equal_groups",
    "actor/usual/response_length_max",
    "actor/usual/reward",
    *(f"actor/{kind}/{name}" for kind in ("usual", "expert") for name in OF_EACH_KIND),
    "expert_data/epoch",
    "expert_data/pairs_read",
    "expert_data/paired_share",
    "expert_data/rows_read",
    "gate/open_share",
    "gate/waiting",
}
# The sums of `count_sequences` are replaced by FEEDBACK before anything is logged.
ALL_METRICS = {
    *(f"actor/{name}" for name in POLICY_LOSS | ON_REQUEST | ENTROPY_LOSS if "/seq_" not in name),
    *FEEDBACK,
    *(name for names in MU_RULES.values() for name in names),
    *OF_THE_BATCH,
}


def micro_batch():
    """One on-policy and one expert row."""
    return {
        "action_mask": torch.ones(2, 2, dtype=torch.bool),
        "expert_mask": torch.tensor([False, True]),
        "loss_norm": torch.ones(2),
        "token_norm": torch.ones(2),
    }


def loss_metrics(**args):
    tokens = torch.full((2, 2), -1.0)
    _, metrics = CHORDPolicyLossFn(**args)(
        logprob=tokens,
        old_logprob=tokens,
        advantages=tokens,
        loss_coef=torch.ones(2),
        ref_logprob=tokens,
        **micro_batch(),
    )
    return set(metrics)


def test_metrics_of_the_policy_loss():
    assert loss_metrics() == POLICY_LOSS


def test_metrics_of_the_policy_loss_on_request():
    args = {
        "row_weight": "iw_sft",
        "kl_loss_fn": "k2",
        "kl_loss_fn_args": {"kl_coef": 0.1},
        "count_sequences": True,
    }
    assert loss_metrics(**args) - loss_metrics() == ON_REQUEST


def test_metrics_of_the_entropy_loss():
    _, metrics = ExpertMixEntropyLossFn()(entropy=torch.ones(2, 2), **micro_batch())
    assert set(metrics) == ENTROPY_LOSS


def test_metrics_of_the_expert_rows_that_a_rule_with_feedback_needs():
    metrics = {
        "actor/expert/seq_rows": 2.0,
        "actor/expert/seq_nll_sum": 3.0,
        "actor/expert/seq_nll_squares": 5.0,
        "actor/expert/weight": 0.5,
    }
    take_expert_figures(metrics)
    assert set(metrics) == FEEDBACK


def test_metrics_of_the_adaptive_mu_rules():
    figures = BatchFigures(
        rewards=(0.0, 1.0),
        advantages=(-1.0, 1.0),
        entropy=0.5,
        previous_experts=ExpertFigures(1.0, 0.5, 0.2),
        best_rewards=(1.0,),
    )
    names = {}
    for rule in ("reward_threshold", "reward_gap", "entropy_target", "gac"):
        built = get_schedule(rule)
        built.next(1, figures)
        names[rule] = set(built.metrics())
    assert names == MU_RULES


class Rollouts:
    """A queue of one batch: two rollouts of each of two prompts, all wrong."""

    def __init__(self, storage):
        pass

    async def read(self, batch_size):
        return [self._rollout(task, run) for task in (0, 1) for run in (0, 1)]

    @staticmethod
    def _rollout(task, run):
        rollout = row(2, reward=0.0)
        rollout.eid = EID(batch=0, task=task, run=run)
        rollout.info["task_index"] = {"index": task}
        return rollout


def test_metrics_of_the_sample_strategy(checked, monkeypatch):
    monkeypatch.setattr(
        "trinity_chord.plugin.training.rollout_reader._PatientQueueReader", Rollouts
    )
    config = checked(
        {
            "algorithm.repeat_times": 2,
            STRATEGY: {"expert_rows": 2, "expert_pairing": "task_index", "gate": "relift"},
        }
    )
    strategy = SAMPLE_STRATEGY.get(config.algorithm.sample_strategy)(
        buffer_config=config.buffer, **config.algorithm.sample_strategy_args
    )
    _, waiting, _ = asyncio.run(strategy.sample(1))
    _, served, _ = asyncio.run(strategy.sample(2))
    ours = {name for name in (*waiting, *served) if not name.startswith("sample/")}
    assert ours == OF_THE_BATCH
