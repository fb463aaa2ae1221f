import os
import shutil
import sys
from dataclasses import replace
from types import ModuleType

import pytest

from tests.evaluation.bfcl.gold import reply
from trinity_chord.bfcl_package import Package
from trinity_chord.evaluation.bfcl.official import (
    PROJECT_ROOT,
    REPLACED,
    StandInError,
    StandInForModelConfig,
    load_official,
)
from trinity_chord.evaluation.bfcl.verdicts import judge
from trinity_chord.evaluation.errors import EvaluationError


def test_loading_leaves_modules_path_and_environment_unchanged(package, monkeypatch):
    monkeypatch.setenv(PROJECT_ROOT, "before")
    path = list(sys.path)
    load_official(package)
    assert not [name for name in sys.modules if name.startswith("bfcl_eval")]
    assert sys.path == path
    assert os.environ[PROJECT_ROOT] == "before"


def test_loading_creates_no_folder_next_to_bfcl_eval(package):
    before = sorted(os.listdir(package.folder))
    load_official(package)
    assert sorted(os.listdir(package.folder)) == before


def test_modules_imported_before_are_restored(package, monkeypatch):
    theirs = {name: ModuleType(name) for name in ("bfcl_eval", REPLACED)}
    for name, module in theirs.items():
        monkeypatch.setitem(sys.modules, name, module)
    load_official(package)
    after = {name: m for name, m in sys.modules.items() if name.startswith("bfcl_eval")}
    assert after == theirs


def test_the_stand_in_answers_one_question_and_refuses_all_others():
    stand_in = StandInForModelConfig(REPLACED)
    ours = stand_in.MODEL_CONFIG_MAPPING["trinity-chord"]
    assert ours.underscore_to_dot is False
    for ask in (
        lambda: stand_in.ModelConfig,
        lambda: stand_in.MODEL_CONFIG_MAPPING["gpt-4o"],
        lambda: stand_in.MODEL_CONFIG_MAPPING.keys(),
        lambda: ours.model_handler,
    ):
        with pytest.raises(StandInError, match="replaces by a stand-in"):
            ask()


CHECKER = "from bfcl_eval.constants.model_config import MODEL_CONFIG_MAPPING\n"


@pytest.mark.parametrize(
    ("checker", "message"),
    [
        (None, "No module named"),
        ("", "no attribute 'ast_checker'"),
        ("def ast_checker(case, calls): pass", "TypeError"),
        ("def ast_checker(*_): return {'valid': False}", "a correct call is judged wrong"),
        (
            CHECKER + "def ast_checker(*_): return MODEL_CONFIG_MAPPING['gpt-4o']",
            "replaces by a stand-in",
        ),
    ],
    ids=["none", "no function", "other arguments", "other verdict", "more of the stand-in"],
)
def test_an_unexpected_checker_is_reported(checker, message, package, tmp_path):
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
    assert message in str(caught.value)
    assert f"pip install --no-deps --upgrade --target {tmp_path}" in str(caught.value)


def test_a_limit_of_the_stand_in_does_not_make_a_reply_wrong(official, cases):
    def ask(*_):
        return StandInForModelConfig(REPLACED).ModelConfig

    with pytest.raises(StandInError):
        judge(cases[0], reply([]), replace(official, check=ask))
