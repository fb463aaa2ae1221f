import pytest

from trinity_chord.report.settings import differences, flatten, groups, hide_secrets


@pytest.mark.parametrize("key", ["api_key", "wandb_api_key", "token", "hf_token", "password"])
def test_the_text_under_a_key_of_a_secret_is_hidden(key):
    assert hide_secrets({"a": [{key: "abc"}]}) == {"a": [{key: "(hidden)"}]}


@pytest.mark.parametrize("key", ["max_response_tokens", "eos_token_id", "author"])
def test_other_keys_are_not_hidden(key):
    assert hide_secrets({key: "abc"}) == {key: "abc"}


def test_a_secret_that_is_not_set_stays_so():
    assert hide_secrets({"api_key": None}) == {"api_key": None}


def test_a_configuration_becomes_flat():
    assert flatten({"a": {"b": 1, "c": {}}, "d": [1, 2], "e": [{"f": 3}]}) == {
        "a.b": 1,
        "a.c": {},
        "d": [1, 2],
        "e.0.f": 3,
    }


def test_paths_next_to_the_checkpoints_become_relative():
    config = {"checkpoint_root_dir": "/x/run/checkpoints", "model": "/x/run/base", "data": "/y/d"}
    assert flatten(config) == {
        "checkpoint_root_dir": "checkpoints",
        "model": "base",
        "data": "/y/d",
    }


def test_differences_leave_out_names_and_folders():
    runs = [
        {"name": "a", "checkpoint_job_dir": "x", "lr": 1, "same": 2},
        {"name": "b", "checkpoint_job_dir": "y", "lr": 3, "same": 2, "new": True},
    ]
    assert differences(runs) == {"lr": [1, 3], "new": [None, True]}


def test_runs_that_differ_by_seeds_are_a_group():
    runs = [
        {"name": "a", "explorer.seed": 1, "expert_seed": 1, "lr": 1},
        {"name": "b", "explorer.seed": 2, "expert_seed": 2, "lr": 1},
        {"name": "c", "explorer.seed": 1, "expert_seed": 1, "lr": 2},
    ]
    assert groups(runs) == [0, 0, 1]


def test_a_run_without_settings_is_a_group_of_its_own():
    assert groups([None, None, {"lr": 1}, {"lr": 1}]) == [0, 1, 2, 2]
