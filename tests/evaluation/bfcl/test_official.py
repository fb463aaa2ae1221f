import os
import sys

import pytest

from trinity_chord.evaluation.bfcl.official import (
    PROJECT_ROOT,
    REPLACED,
    WITH_FOLDERS,
    StandInForModelConfig,
    load_official,
)


def test_loading_leaves_neither_the_stand_in_nor_the_path_nor_the_folder(package, monkeypatch):
    monkeypatch.setenv(PROJECT_ROOT, "before")
    path = list(sys.path)
    load_official(package)
    assert not {REPLACED, WITH_FOLDERS} & set(sys.modules)
    assert "bfcl_eval.eval_checker.ast_eval.ast_checker" not in sys.modules
    assert not hasattr(sys.modules["bfcl_eval.constants"], "eval_config")
    assert sys.path == path
    assert os.environ[PROJECT_ROOT] == "before"


def test_loading_makes_no_folder_where_bfcl_eval_is(package):
    before = sorted(os.listdir(package.folder))
    load_official(package)
    assert sorted(os.listdir(package.folder)) == before


def test_a_module_that_was_there_before_is_there_after(package, monkeypatch):
    theirs = StandInForModelConfig("theirs")
    monkeypatch.setitem(sys.modules, REPLACED, theirs)
    load_official(package)
    assert sys.modules[REPLACED] is theirs


def test_the_stand_in_tells_one_thing_and_refuses_all_others():
    stand_in = StandInForModelConfig(REPLACED)
    ours = stand_in.MODEL_CONFIG_MAPPING["trinity-chord"]
    assert ours.underscore_to_dot is False
    for ask in (
        lambda: stand_in.ModelConfig,
        lambda: stand_in.MODEL_CONFIG_MAPPING["gpt-4o"],
        lambda: stand_in.MODEL_CONFIG_MAPPING.keys(),
        lambda: ours.model_handler,
    ):
        with pytest.raises(RuntimeError, match="has a stand-in"):
            ask()
