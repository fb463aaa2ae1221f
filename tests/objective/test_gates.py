"""Gates against the rules of their papers, computed by hand for three prompts."""

import math

import pytest
import torch

from trinity_chord.objective import GATES, Opened, prompt_rewards

# Prompt 0: never solved; prompt 1: solved in 1 of 4; prompt 2: always solved.
REWARD = torch.tensor([0.0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 1, 1])
PROMPT = torch.tensor([0, 2, 0, 1, 0, 2, 1, 0, 2, 1, 2, 1])


def opened(name, **arguments):
    found = GATES.bind(name, **arguments)(prompt_rewards(REWARD, PROMPT, 3))
    return found.on_policy.tolist(), found.expert.tolist()


def test_rewards_are_gathered_by_prompt():
    rewards = prompt_rewards(REWARD, PROMPT, 3)
    assert rewards.mean.tolist() == [0.0, 0.25, 1.0]
    assert rewards.best.tolist() == [0.0, 1.0, 1.0]


def test_negative_rewards_have_a_best_one():
    rewards = prompt_rewards(torch.tensor([-1.0, -0.5]), torch.tensor([0, 0]), 1)
    assert (rewards.mean.item(), rewards.best.item()) == (-0.75, -0.5)


def test_all_opens_every_prompt_to_both():
    assert opened("all") == ([True] * 3, [True] * 3)


def test_hpt_imitates_if_no_rollout_is_right():
    assert opened("hpt") == ([False, True, True], [True, False, False])


def test_hpt_imitates_up_to_and_including_its_threshold():
    # γ = 2/8 is the paper's for Llama; a success rate of 1/4 is not above it.
    assert opened("hpt", threshold=2 / 8) == ([False, False, True], [True, True, False])


def test_superrl_imitates_if_all_rollouts_fail_and_keeps_the_rollouts():
    assert opened("superrl") == ([True] * 3, [True, False, False])


def test_relift_defers_what_superrl_imitates():
    assert opened("relift") == opened("superrl")
    assert [name for name, gate in GATES.items() if gate.waits] == ["relift"]


def test_the_threshold_defines_failure():
    rewards = prompt_rewards(torch.tensor([-1.0, 0.125, 0.25]), torch.tensor([0, 1, 1]), 2)
    assert GATES.bind("superrl", threshold=-1.0)(rewards).expert.tolist() == [True, False]
    assert GATES.bind("superrl", threshold=0.25)(rewards).expert.tolist() == [True, True]


@pytest.mark.parametrize("name", sorted(GATES))
def test_each_gate_names_its_rule_and_source(name):
    assert GATES[name].formula
    assert "arXiv" in GATES[name].source
    assert set(GATES[name].accepts) == set(GATES[name].defaults)


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("htp", {}, "unknown gate 'htp'.*did you mean 'hpt'"),
        ("all", {"threshold": 0}, r"gate 'all': got the arguments \['threshold'\], expected none"),
        (
            "hpt",
            {"gamma": 0},
            r"gate 'hpt': got the arguments \['gamma'\], expected \['threshold'\]",
        ),
        ("hpt", {"threshold": "low"}, "gate 'hpt': threshold: got 'low', expected a finite number"),
        ("hpt", {"threshold": True}, "got True"),
        ("superrl", {"threshold": math.nan}, "got nan"),
        ("relift", {"threshold": math.inf}, "got inf"),
    ],
)
def test_a_wrong_gate_is_refused(name, arguments, text):
    with pytest.raises(ValueError, match=text):
        GATES.bind(name, **arguments)


def never(rewards, *, threshold=0.0):
    shut = torch.zeros_like(rewards.mean, dtype=torch.bool)
    return Opened(on_policy=~shut, expert=shut)


def test_your_own_gate_is_found_by_its_dotted_path():
    assert opened("tests.objective.test_gates.never") == ([True] * 3, [False] * 3)
