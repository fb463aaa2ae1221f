"""What a μ rule gets of a batch and of the previous train step."""

import json
import logging

import pytest
import torch
from trinity.common.experience import EID
from trinity.trainer import trainer

from tests.plugin.engines import Engine, trained
from tests.plugin.rows import row
from trinity_chord.objective import ExpertFigures
from trinity_chord.plugin.training.feedback import subscribe
from trinity_chord.plugin.training.mu import MuController, batch_figures


def rollout(logprobs, advantages, mask=None, reward=1.0):
    made = row(len(logprobs), mask=mask, reward=reward)
    made.logprobs, made.advantages = torch.tensor(logprobs), torch.tensor(advantages)
    return made


def two_rollouts():
    return [
        rollout([-1.0, -2.0], [0.5, 0.5], reward=1.0),
        rollout([-3.0, -100.0, -6.0], [-1.5, 9.0, -0.5], mask=[True, False, True], reward=0.0),
    ]


def test_the_figures_of_a_batch_by_hand():
    figures = batch_figures(two_rollouts())
    assert figures.rewards == (1.0, 0.0)
    assert figures.advantages == (0.5, -1.0)  # two tokens of the second row count
    assert figures.entropy == 12 / 4  # over tokens, not over rows
    assert figures.previous_experts is None


def test_the_best_reward_of_each_prompt_is_among_the_figures():
    """Two rollouts of one prompt and one of another."""
    rows = [rollout([-1.0], [0.0], reward=reward) for reward in (0.25, 0.75, 0.5)]
    for row_, task in zip(rows, (0, 0, 1), strict=True):
        row_.eid = EID(batch=0, task=task, run=rows.index(row_))
    assert batch_figures(rows).best_rewards == (0.75, 0.5)


def test_the_mean_of_minus_log_p_estimates_the_entropy_without_bias():
    p = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    sampled = torch.multinomial(p, 200_000, replacement=True, generator=generator)
    figures = batch_figures([rollout(p.log()[sampled].tolist(), [0.0] * len(sampled))])
    # The standard deviation of -log p is 0.37, and that of the mean of 200,000 is 0.0008.
    assert figures.entropy == pytest.approx(-(p * p.log()).sum().item(), abs=0.003)


def test_a_rollout_without_log_probabilities_leaves_the_entropy_unknown():
    rows = two_rollouts()
    rows[0].logprobs = None
    assert batch_figures(rows).entropy is None


def test_a_rollout_without_an_unmasked_token_is_left_out_of_figures_per_token():
    rows = [*two_rollouts(), rollout([-9.0], [9.0], mask=[False])]
    figures = batch_figures(rows)
    assert (len(figures.rewards), len(figures.advantages)) == (3, 2)
    assert figures.entropy == 3.0


def test_a_fixed_schedule_does_not_look_at_the_batch(monkeypatch):
    monkeypatch.setattr("trinity_chord.plugin.training.mu.batch_figures", None)
    assert MuController("constant", {"value": 0.3}).next(1, two_rollouts()) == (0.3, {})


def test_a_rule_with_feedback_gets_the_figures_of_a_train_step():
    mu = MuController("gac", {})
    trained()
    assert mu.previous_experts == ExpertFigures(nll_mean=1.5, nll_variance=0.25, token_weight=0.25)
    _, seen = mu.next(2, two_rollouts())
    assert seen["mu/sigma_s2"] == 0.25


def test_mean_and_variance_are_logged_instead_of_their_sums():
    listener = MuController("gac", {})
    assert trained(**{"actor/grad_norm": 3.0}) == {
        "actor/expert/seq_nll": 1.5,
        "actor/expert/seq_nll_variance": 0.25,
        "actor/expert/weight": 0.25,
        "actor/grad_norm": 3.0,
    }
    assert listener.rule.needs_feedback


def test_a_step_without_expert_rows_keeps_the_previous_figures():
    mu = MuController("gac", {})
    trained()
    trained(rows=0.0, nll=0.0, squares=0.0)
    assert mu.previous_experts.nll_mean == 1.5


def test_a_variance_that_rounding_makes_negative_is_0():
    mu = MuController("gac", {})
    trained(rows=3.0, nll=3.0, squares=3.0 - 1e-9)
    assert mu.previous_experts.nll_variance == 0.0


def test_all_living_rules_get_the_figures_and_the_engine_is_wrapped_once():
    first = MuController("gac", {})
    once = Engine.train_step
    second = MuController("gac", {})
    assert Engine.train_step is once
    assert once.__name__ == "train_step"
    trained()
    assert first.previous_experts is second.previous_experts is not None


def test_a_process_without_an_engine_is_refused(monkeypatch):
    class Nothing:
        pass

    monkeypatch.setattr(trainer, "TrainEngineWrapper", Nothing)
    with pytest.raises(RuntimeError, match="this process has no training engine"):
        subscribe(MuController("constant", {}))


def test_without_feedback_no_engine_is_wrapped():
    class Fresh(trainer.TrainEngineWrapper):
        async def train_step(self, batch_exps):
            return {}

    train_step = Fresh.train_step
    MuController("entropy_target", {})
    assert Fresh.train_step is train_step
    MuController("gac", {})
    assert Fresh.train_step is not train_step


def test_the_figures_of_a_train_step_are_part_of_a_checkpoint():
    first, second = MuController("gac", {}), MuController("gac", {})
    first.next(1, two_rollouts())
    trained()
    state = json.loads(json.dumps(first.state_dict()))
    second.previous_experts = None
    second.load_state_dict(state)
    assert second.next(2, two_rollouts()) == first.next(2, two_rollouts())


def test_with_a_checkpoint_of_another_rule_it_starts_over_and_says_so(monkeypatch):
    warnings = []
    logger = logging.Logger("warnings")
    logger.warning = lambda text, *args: warnings.append(text % args)
    monkeypatch.setattr("trinity_chord.plugin.training.mu.get_logger", lambda name: logger)
    old, new = MuController("entropy_target", {}), MuController("reward_threshold", {})
    new.load_state_dict(old.state_dict())
    assert warnings == [
        "The checkpoint has the state of the μ schedule 'entropy_target'; 'reward_threshold' "
        "starts from its beginning."
    ]
