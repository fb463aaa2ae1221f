import pytest
from trinity.common.rewards import REWARD_FUNCTIONS

from trinity_chord.quickstart.reward import AdditionReward


@pytest.mark.parametrize(
    ("response", "accuracy", "penalty"),
    [("1+2+0=03;#3", 1.0, 0.0), ("#4", 0.0, 0.0), ("3", 0.0, -0.1)],
)
def test_the_parts_are_accuracy_and_format_penalty(response, accuracy, penalty):
    parts = AdditionReward()(response=response, truth="3")
    assert parts == {"accuracy": accuracy, "format_penalty": penalty}


def test_trinity_finds_the_reward_by_its_dotted_path():
    found = REWARD_FUNCTIONS.get("trinity_chord.quickstart.reward.AdditionReward")
    assert found is AdditionReward


@pytest.mark.parametrize(("response", "reward"), [("#3", 1.0), ("#4", 0.0), ("3", -0.1)])
def test_trinitys_workflow_gives_the_sum_as_reward_and_the_parts_as_metrics(response, reward):
    from types import SimpleNamespace

    from trinity.common.config import FormatConfig
    from trinity.common.workflows.workflow import SimpleWorkflow, Task

    rollout = SimpleNamespace(response_text=response, metrics=None, eid=SimpleNamespace(run=0))
    task = Task(
        workflow=SimpleWorkflow,
        reward_fn=AdditionReward,
        format_args=FormatConfig(prompt_key="question", response_key="answer"),
        raw_task={"question": "1+2", "answer": "3", "level": 1},
    )
    model = SimpleNamespace(chat=lambda messages, **_: [rollout])
    (scored,) = task.to_workflow(model).run()
    assert scored.reward == reward
    assert set(scored.metrics) == {"accuracy", "format_penalty"}
