"""The key that ties a rollout's task to its expert rows."""

import pytest
from trinity.common.config import TasksetConfig

from tests.plugin.conftest import chat, write_rows
from tests.plugin.rows import row
from trinity_chord.plugin.contract import Pairing
from trinity_chord.plugin.training.task_keys import PairingError, TaskKeys


def rollout(**task_index):
    one = row(2)
    one.info["task_index"] = task_index
    return one


@pytest.fixture
def taskset(tmp_path):
    rows = [chat(i) | {"id": key} for i, key in enumerate("xyz")]
    write_rows(tmp_path / "tasks" / "train.jsonl", rows)
    return TasksetConfig(name="tasks", path=str(tmp_path / "tasks"))


def test_the_key_of_a_rollout_is_what_the_column_holds_for_its_task(taskset):
    keys = TaskKeys(Pairing("problem", "id"), [taskset, taskset])
    assert keys.of(rollout(index=2)) == "z"  # Trinity names the taskset only if there are several
    assert keys.of(rollout(index=0, taskset_id=1)) == "x"


def test_the_key_of_a_rollout_is_its_tasks_number(taskset):
    assert TaskKeys(Pairing(), [taskset]).of(rollout(index=2)) == "2"


def test_without_pairing_the_key_is_the_taskset_and_the_tasks_number():
    assert TaskKeys(None, []).of(rollout(index=2, taskset_id=1)) == "1/2"
    assert TaskKeys(None, []).of(row(2, number=5)) == "/task 5"  # its eid


def test_a_rollout_without_a_task_index_is_refused():
    with pytest.raises(PairingError, match="task_index"):
        TaskKeys(Pairing(), []).of(row(2))


@pytest.mark.parametrize("task_index", [{"index": 3}, {"index": 0, "taskset_id": 1}])
def test_a_task_that_is_not_in_the_taskset_is_refused(taskset, task_index):
    with pytest.raises(PairingError, match=r"\[3\] tasks"):
        TaskKeys(Pairing("problem", "id"), [taskset]).of(rollout(**task_index))
