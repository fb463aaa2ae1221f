"""Trinity's math workflow with truncation, with the tokenizer of a tiny model."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from trinity.common.config import FormatConfig, GenerationConfig
from trinity.common.experience import Experience
from trinity.common.workflows import WORKFLOWS
from trinity.common.workflows.customized_math_workflows import MathBoxedWorkflow
from trinity.common.workflows.workflow import Task

from tests.tiny_model import make_model_folder
from trinity_chord.prompts import MATH_SYSTEM_PROMPT
from trinity_chord.rewards.math import MathReward
from trinity_chord.workflows.math import MathWorkflow

PAD, END, OTHER = 0, 2, 7
PROMPT = 3
THOUGHT = "<think>x</think>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make_model_folder(tmp_path_factory.mktemp("model"))


def rollout(text: str, tokens: list[int], **status) -> Experience:
    return Experience(
        tokens=torch.tensor([1] * PROMPT + tokens),
        logprobs=torch.zeros(len(tokens)),
        prompt_length=PROMPT,
        response_text=text,
        **status,
    )


def run(folder: Path, *rollouts: Experience, workflow=MathWorkflow, limit=4, whole=100, **task):
    config = SimpleNamespace(max_response_tokens=limit, max_model_len=whole, model_path=str(folder))
    asked = []

    def chat(messages, **arguments):
        asked.append((messages, arguments))
        return list(rollouts)

    given = {"workflow_args": {"with_think": True}, "reward_fn": MathReward, **task}
    made = Task(
        workflow=workflow,
        format_args=FormatConfig(prompt_key="problem", response_key="answer"),
        raw_task={"problem": "6*12", "answer": "72"},
        **given,
    ).to_workflow(SimpleNamespace(chat=chat, config=config))
    made.set_repeat_times(len(rollouts), 0)
    return made.run(), asked


def test_the_rewards_are_the_four_values(folder):
    found, _ = run(
        folder,
        rollout(THOUGHT + r"\boxed{72}", [OTHER, END]),
        rollout(THOUGHT + r"\boxed{71}", [OTHER, END]),
        rollout("71", [OTHER, END]),
        rollout("<think>x", [OTHER] * 4),
    )
    assert [each.reward for each in found] == [1.0, 0.0, -0.1, -1.0]


def test_a_full_response_that_ends_with_the_closing_token_is_not_truncated(folder):
    (found,), _ = run(folder, rollout("x", [OTHER, OTHER, OTHER, END]))
    assert found.reward == -0.1


def test_a_response_that_fills_the_sequence_is_truncated(folder):
    (found,), _ = run(folder, rollout("x", [OTHER, OTHER]), whole=PROMPT + 2)
    assert found.reward == -1.0


def test_the_tasks_own_limit_applies(folder):
    (found,), _ = run(
        folder, rollout("x", [OTHER, OTHER]), rollout_args=GenerationConfig(max_tokens=2)
    )
    assert found.reward == -1.0


def test_the_engines_own_truncation_status_takes_precedence(folder):
    found, _ = run(
        folder,
        rollout("x", [OTHER, OTHER], truncate_status="response_truncated"),
        rollout("x", [OTHER] * 4, truncate_status="prompt_truncated"),
    )
    assert [each.reward for each in found] == [-1.0, -0.1]


def test_truncated_rows_are_left_out_of_the_loss(folder):
    found, _ = run(folder, rollout("x", [OTHER] * 4), rollout("x", [OTHER, END]))
    assert [each.action_mask.tolist() for each in found] == [[False] * 4, [True] * 2]


def test_truncated_rows_stay_in_the_loss_if_requested(folder):
    (found,), _ = run(folder, rollout("x", [OTHER] * 4), workflow_args={"mask_truncated": False})
    assert found.action_mask.tolist() == [True] * 4
    assert found.truncate_status is None
    assert found.reward == -1.0


def test_the_metrics_are_the_parts_of_the_reward_and_two_flags(folder):
    (found,), _ = run(folder, rollout("x", [OTHER] * 4))
    assert found.metrics == {
        "accuracy": 0.0,
        "format_score": 0.0,
        "truncation": -1.0,
        "truncated": 1.0,
        "not_verified": 0.0,
    }


def test_the_prompt_equals_that_of_trinitys_workflow_and_of_sft(folder):
    _, ours = run(folder, rollout("x", [OTHER, END]))
    _, trinitys = run(folder, rollout("x", [OTHER, END]), workflow=MathBoxedWorkflow)
    assert ours == trinitys
    assert ours[0][0] == [
        {"role": "system", "content": MATH_SYSTEM_PROMPT},
        {"role": "user", "content": "6*12"},
    ]


def test_the_default_reward_function_is_the_papers(folder):
    (found,), _ = run(
        folder, rollout("x", [OTHER] * 4), reward_fn=None, reward_fn_args={"truncated": -2.0}
    )
    assert found.reward == -2.0


def test_the_reward_works_in_trinitys_own_workflow_without_truncation(folder):
    found, _ = run(
        folder,
        rollout(THOUGHT + r"\boxed{72}", [OTHER, END]),
        rollout("x", [OTHER] * 4),
        workflow=MathBoxedWorkflow,
    )
    assert [each.reward for each in found] == [1.0, -0.1]


def test_the_next_tasks_own_sampling_is_used(folder):
    (found,), asked = run(folder, rollout("x", [OTHER, END]))
    config = SimpleNamespace(max_response_tokens=4, max_model_len=9, model_path=str(folder))

    def chat(messages, **arguments):
        asked.append((messages, arguments))
        return [found]

    def task(temperature: float) -> Task:
        return Task(
            workflow=MathWorkflow,
            reward_fn=MathReward,
            format_args=FormatConfig(prompt_key="problem", response_key="answer"),
            raw_task={"problem": "6*12", "answer": "72"},
            rollout_args=GenerationConfig(temperature=temperature),
        )

    workflow = task(1.0).to_workflow(SimpleNamespace(chat=chat, config=config))
    workflow.reset(task(0.5))
    workflow.run()
    assert asked[-1][1]["temperature"] == 0.5


def test_a_mask_that_is_not_a_boolean_is_refused(folder):
    with pytest.raises(ValueError, match=r"`workflow_args\.mask_truncated`: got 'no'"):
        run(folder, rollout("x", [OTHER]), workflow_args={"mask_truncated": "no"})


def test_trinity_finds_the_workflow_by_its_dotted_path():
    assert WORKFLOWS.get("trinity_chord.MathWorkflow") is MathWorkflow
