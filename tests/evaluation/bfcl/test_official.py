import os
import shutil
import sys
from dataclasses import replace
from types import ModuleType

import pytest

from tests.evaluation.bfcl.gold import reply
from trinity_chord.evaluation.bfcl.official import (
    PROJECT_ROOT,
    REPLACED,
    StandInError,
    StandInForModelConfig,
    load_official,
)
from trinity_chord.evaluation.bfcl.package import Package
from trinity_chord.evaluation.bfcl.verdicts import judge
from trinity_chord.evaluation.errors import EvaluationError


def test_loading_leaves_no_module_no_path_and_no_variable(package, monkeypatch):
    monkeypatch.setenv(PROJECT_ROOT, "before")
    path = list(sys.path)
    load_official(package)
    assert not [name for name in sys.modules if name.startswith("bfcl_eval")]
    assert sys.path == path
    assert os.environ[PROJECT_ROOT] == "before"


def test_loading_makes_no_folder_where_bfcl_eval_is(package):
    before = sorted(os.listdir(package.folder))
    load_official(package)
    assert sorted(os.listdir(package.folder)) == before


def test_modules_that_were_there_before_are_there_after(package, monkeypatch):
    theirs = {name: ModuleType(name) for name in ("bfcl_eval", REPLACED)}
    for name, module in theirs.items():
        monkeypatch.setitem(sys.modules, name, module)
    load_official(package)
    after = {name: m for name, m in sys.modules.items() if name.startswith("bfcl_eval")}
    assert after == theirs


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
        with pytest.raises(StandInError, match="has a stand-in"):
            ask()


CHECKER = "from bfcl_eval.constants.model_config import MODEL_CONFIG_MAPPING\n"


@pytest.mark.parametrize(
    ("checker", "told"),
    [
        (None, "No module named"),
        ("", "no attribute 'ast_checker'"),
        ("def ast_checker(case, calls): pass", "TypeError"),
        ("def ast_checker(*_): return {'valid': False}", "a right call is said to be wrong"),
        (CHECKER + "def ast_checker(*_): return MODEL_CONFIG_MAPPING['gpt-4o']", "has a stand-in"),
    ],
    ids=["none", "no function", "other arguments", "other verdict", "more of the stand-in"],
)
def test_a_checker_that_is_not_as_it_should_be_is_told(checker, told, package, tmp_path):
    copy = tmp_path / "bfcl_eval"
    shutil.copytree(package.folder / "bfcl_eval" / "constants", copy / "constants")
    for name in ("__init__.py", "utils.py"):
        shutil.copy(package.folder / "bfcl_eval" / name, copy / name)
    if checker is not None:
        folder = copy / "eval_checker" / "ast_eval"
        folder.mkdir(parents=True)
        (folder / "ast_checker.py").write_text(checker)
    with pytest.raises(EvaluationError) as caught:
        load_official(Package(tmp_path, "2027.1.1", None))
    assert told in str(caught.value)
    assert f"pip install --no-deps --upgrade --target {tmp_path}" in str(caught.value)


def test_a_reply_is_not_wrong_because_the_stand_in_is_asked_too_much(official, cases):
    def ask(*_):
        return StandInForModelConfig(REPLACED).ModelConfig

    with pytest.raises(StandInError):
        judge(cases[0], reply([]), replace(official, check=ask))
