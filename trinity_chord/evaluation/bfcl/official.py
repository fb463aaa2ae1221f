"""Loads bfcl-eval's own checker without the SDKs of all the vendors that it lists.

``ast_checker`` imports ``bfcl_eval.constants.model_config``, which imports the handler of every
model of the leaderboard, and takes one thing from it: whether a model's function names have ``_``
for ``.``. A stand-in answers that question for our model while the checker is loaded. What is
loaded here leaves ``sys.modules`` again: a program that imports bfcl-eval gets its own, whole.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NoReturn

from trinity_chord.errors import ChordError
from trinity_chord.evaluation.bfcl.package import MODULE, Package, how_to_install
from trinity_chord.evaluation.errors import EvaluationError

# Without "_", which the checker takes for "/".
MODEL_NAME = "trinity-chord"
REPLACED = "bfcl_eval.constants.model_config"
# Where bfcl-eval makes folders for its results as soon as it is imported.
PROJECT_ROOT = "BFCL_PROJECT_ROOT"
# Functions, a right call, the answer and a category, to see that the checker works as it should.
TRIAL = (
    [{"name": "a.b", "parameters": {"properties": {"x": {"type": "integer"}}, "required": ["x"]}}],
    [{"a.b": {"x": 1}}],
    [{"a.b": {"x": [1]}}],
    "simple_python",
)


@dataclass(frozen=True)
class Official:
    """Functions and texts of bfcl-eval.

    Attributes:
        check: Takes the functions of a case, the calls ``[{name: {argument: value}}]``, the
            possible answers and the category; returns ``valid``, ``error`` and ``error_type``.
            Function names keep their dots, as for all models that are prompted.
        with_hints: Adds to the functions of cases what the leaderboard tells each model about
            their language.
        role: What the leaderboard tells prompted models to do, without its format of calls. The
            system texts of ToolACE, which the paper trains on, say much the same.
    """

    check: Callable[[list[dict], list[dict], list[dict], str], dict[str, Any]]
    with_hints: Callable[[list[dict]], list[dict]]
    role: str


class StandInError(ChordError, RuntimeError):
    """bfcl-eval asked the stand-in for something that it does not stand for."""


def load_official(package: Package) -> Official:
    """Loads the checker and its helpers from an installed bfcl-eval.

    Raises:
        EvaluationError: It is not as the supported version, or damaged.
    """
    try:
        official = _load(package)
        found = official.check(*TRIAL)
        if found["valid"] is not True:
            raise ValueError(f"a right call is said to be wrong: {found}")
    except (ImportError, AttributeError, LookupError, TypeError, ValueError, StandInError) as error:
        raise EvaluationError(
            f"the checker of bfcl-eval {package.version} in {package.folder} cannot be used: "
            f"{error!r}. {how_to_install(package.folder)}"
        ) from error
    return official


def _load(package: Package) -> Official:
    with ExitStack() as stack:
        stack.enter_context(_importable(str(package.folder)))
        stack.enter_context(_apart())
        stack.enter_context(_scratch_project())
        sys.modules[REPLACED] = StandInForModelConfig(REPLACED)
        checker = importlib.import_module("bfcl_eval.eval_checker.ast_eval.ast_checker")
        utils = importlib.import_module("bfcl_eval.utils")
        python = importlib.import_module("bfcl_eval.constants.enums").Language.PYTHON
        prompts = importlib.import_module("bfcl_eval.constants.default_prompts")

    def check(functions, calls, answers, category) -> dict[str, Any]:
        return checker.ast_checker(functions, calls, answers, python, category, MODEL_NAME)

    style = prompts.PROMPT_STYLE_TEMPLATES["classic"]
    return Official(
        check=check,
        with_hints=utils.add_language_specific_hint_to_function_doc,
        role=f"{style['persona']} {style['task']}",
    )


class StandInForModelConfig(ModuleType):
    """Stands in for ``bfcl_eval.constants.model_config`` while the checker is loaded."""

    def __getattr__(self, name: str) -> Any:
        if name == "MODEL_CONFIG_MAPPING":
            return _OneModel()
        if name.startswith("__"):  # what the import system itself asks for
            raise AttributeError(name)
        _refuse(f"its {name!r}")


class _OneModel:
    """The table of models with ours alone."""

    def __getitem__(self, model: str) -> _NamesAsTheyAre:
        if model != MODEL_NAME:
            _refuse(f"the model {model!r}")
        return _NamesAsTheyAre()

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(f"MODEL_CONFIG_MAPPING.{name}")


class _NamesAsTheyAre:
    """The settings of a model whose function names keep their dots."""

    underscore_to_dot = False

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(f"{name!r} of a model")


def _refuse(what: str) -> NoReturn:
    raise StandInError(
        f"bfcl-eval asked for {what} of {REPLACED}, for which trinity-chord has a stand-in that "
        "knows only whether function names keep their dots. This bfcl-eval is not the supported "
        "version."
    )


@contextmanager
def _importable(folder: str) -> Iterator[None]:
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(folder)


@contextmanager
def _apart() -> Iterator[None]:
    """Lets bfcl-eval be imported anew; which of its modules were there before are there after."""
    before = _take_out()
    try:
        yield
    finally:
        _take_out()
        sys.modules.update(before)


def _take_out() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.split(".")[0] == MODULE]
    return {name: sys.modules.pop(name) for name in names}


@contextmanager
def _scratch_project() -> Iterator[None]:
    """Gives bfcl-eval a folder to make its folders in, in place of its own in site-packages."""
    before = os.environ.get(PROJECT_ROOT)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[PROJECT_ROOT] = folder
        try:
            yield
        finally:
            del os.environ[PROJECT_ROOT]
            if before is not None:
                os.environ[PROJECT_ROOT] = before
