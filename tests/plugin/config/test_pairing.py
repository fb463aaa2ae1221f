"""Pairing with a taskset: what reaches the strategy, and what a configuration is refused for."""

import pytest

from tests.plugin.conftest import AUXILIARY, chat, write_rows
from trinity_chord.errors import ChordConfigError

STRATEGY = "algorithm.sample_strategy_args"
BY_COLUMN = {"expert_key": "problem", "task_key": "id"}


@pytest.fixture
def keyed(tmp_path):
    """Changes for a taskset and an expert set with these keys."""

    def write(tasks, experts, **args):
        for name, key, values in (("tasks", "id", tasks), ("experts", "problem", experts)):
            rows = [chat(i) | {key: value} for i, value in enumerate(values)]
            write_rows(tmp_path / name / "train.jsonl", rows)
        return {
            "buffer.explorer_input.taskset.path": str(tmp_path / "tasks"),
            f"{AUXILIARY}.sft_dataset.path": str(tmp_path / "experts"),
            STRATEGY: {"expert_rows": 2, "expert_pairing": BY_COLUMN, **args},
        }

    return write


def refused(checked, changes) -> str:
    with pytest.raises(ChordConfigError) as caught:
        checked(changes)
    return str(caught.value)


def test_pairing_reaches_the_strategy_and_the_stream(checked, keyed):
    args = checked(keyed("abc", "cbad")).algorithm.sample_strategy_args
    assert args["row_level"] == {
        "pairing": BY_COLUMN,
        "unpaired": "error",
        "gate": "all",
        "gate_args": {},
    }
    assert args["experts"]["pair_by"] == {"column": "problem"}


def test_without_pairing_and_gate_the_strategy_gets_nothing(checked):
    args = checked().algorithm.sample_strategy_args
    assert (args["row_level"], args["experts"]["pair_by"]) == (None, None)


def test_quality_reaches_the_stream(checked, keyed):
    changes = keyed("ab", "ab")
    changes[STRATEGY] = {"expert_quality": {"sft_dataset": {"key": "problem", "percentiles": [0]}}}
    text = refused(checked, changes)
    assert "line 1: `problem`: got 'a' (string), expected a number" in text


def test_tasks_without_an_expert_row_are_counted_and_the_first_is_named(checked, keyed):
    text = refused(checked, keyed("abcd", "ca"))
    assert "got 2 of 4 tasks with an expert row" in text
    assert "the first without one is task 1 (counted from 0), key 'b'" in text
    assert "to `random` or `skip`" in text


@pytest.mark.parametrize("unpaired", ["random", "skip"])
def test_unpaired_may_allow_tasks_without_an_expert_row(checked, keyed, unpaired):
    checked(keyed("abcd", "ca", unpaired=unpaired))


def test_keys_that_have_nothing_in_common_are_always_refused(checked, keyed):
    text = refused(checked, keyed("ab", "xy", unpaired="random"))
    assert "got 0 of 2 tasks with an expert row" in text


def test_rows_that_are_too_long_leave_their_tasks_without_one(checked, keyed, tmp_path):
    changes = keyed("ab", "ab")
    long = chat(1) | {"problem": "a"}
    long["messages"][1]["content"] = "9" * 100
    write_rows(tmp_path / "experts" / "train.jsonl", [long, chat(2) | {"problem": "b"}])
    assert "got 1 of 2 tasks with an expert row that fits" in refused(checked, changes)


def test_more_tasks_than_expert_rows_by_task_index(checked, keyed):
    changes = keyed("abc", "ab", expert_pairing="task_index")
    assert "task 2 (counted from 0), key '2'" in refused(checked, changes)


@pytest.mark.parametrize(
    ("pairing", "texts"),
    [
        (
            {"expert_key": "problem", "task_key": "task"},
            ["expert_pairing.task_key`: got 'task', expected one of the columns", ": messages, id"],
        ),
        (
            {"expert_key": "id", "task_key": "id"},
            ["expert set 'sft_dataset'", "got 'id'", "columns: messages, problem"],
        ),
        (
            {"expert_key": "problem", "task_key": "messages"},
            [
                "task_key`: got 'messages', expected a column of keys",
                "expected text or whole numbers",
            ],
        ),
    ],
)
def test_the_error_about_a_column_lists_those_that_exist(checked, keyed, pairing, texts):
    text = refused(checked, keyed("ab", "ab", expert_pairing=pairing))
    for wanted in texts:
        assert wanted in text


def test_several_tasksets_cannot_be_paired_by_number(checked, expert_path):
    taskset = {"name": "tasks", "storage_type": "file", "path": expert_path}
    changes = {
        "buffer.explorer_input": {"tasksets": [taskset, {**taskset, "name": "more"}]},
        f"{STRATEGY}.expert_pairing": "task_index",
    }
    assert "because there are 2 tasksets" in refused(checked, changes)


def test_a_taskset_that_cannot_be_opened_is_refused(checked, keyed):
    changes = keyed("ab", "ab") | {"buffer.explorer_input.taskset.path": "/nowhere/tasks"}
    text = refused(checked, changes)
    assert "`buffer.explorer_input.taskset.path`: got '/nowhere/tasks', expected a folder" in text


def test_stored_rollouts_need_the_taskset_for_a_column_of_it(checked, keyed):
    changes = {
        **keyed("ab", "ab"),
        "mode": "train",
        "cluster.gpu_per_node": 1,
        "buffer.train_batch_size": 4,
        "buffer.explorer_input": {},
        "buffer.trainer_input.experience_buffer": {"name": "r", "storage_type": "sql"},
    }
    del changes["buffer.explorer_input.taskset.path"]
    assert "`buffer.explorer_input.taskset`: got None" in refused(checked, changes)


def test_pure_imitation_has_no_prompts_to_pair_with(checked, keyed):
    changes = keyed("ab", "ab", expert_data_ratio=1)
    text = refused(checked, changes)
    assert "expert_pairing`: got Pairing(" in text
    assert "expected no value in a run without on-policy rows" in text


def test_pure_rl_ignores_pairing_and_refuses_a_gate(checked):
    changes = {STRATEGY: {"expert_data_ratio": 0, "expert_pairing": "task_index"}}
    assert checked(changes).algorithm.sample_strategy_args["row_level"] is None
    changes[STRATEGY]["gate"] = "hpt"
    assert "gate`: got 'hpt', expected 'all' in a run without" in refused(checked, changes)


def test_a_gate_is_refused_if_the_explorer_drops_the_groups_it_looks_for(checked):
    changes = {
        f"{STRATEGY}.expert_pairing": "task_index",
        f"{STRATEGY}.gate": "hpt",
        "algorithm.advantage_fn_args": {"std_threshold": 0.0},
    }
    assert "advantage_fn_args.std_threshold`: got 0.0" in refused(checked, changes)
