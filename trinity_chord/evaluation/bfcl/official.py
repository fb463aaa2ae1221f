"""Loads bfcl-eval's own checker without the vendor SDKs that the package imports.

`ast_checker` imports `bfcl_eval.constants.model_config`, which imports the handler of every model
of the leaderboard, and uses one fact from it: whether a model's function names have `_` for `.`.
While the checker is loaded, a stand-in answers that question for our model. Afterwards the modules
loaded here are removed from `sys.modules`, so that a program that imports bfcl-eval gets the
complete package.
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

from trinity_chord.bfcl_package import MODULE, Package, how_to_install
from trinity_chord.errors import ChordError
from trinity_chord.evaluation.errors import EvaluationError

JSON = dict[str, Any]

# No "_", which the checker would replace by "/".
MODEL_NAME = "trinity-chord"
REPLACED = "bfcl_eval.constants.model_config"
# Where bfcl-eval creates folders for its results as soon as it is imported.
PROJECT_ROOT = "BFCL_PROJECT_ROOT"
# Functions, a correct call, its answer and a category, to test that the checker works.
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
        check: Given the functions of a case, the calls `[{name: {argument: value}}]`, the possible
            answers and the category, returns `valid`, `error` and `error_type`. Function names
            keep their dots, as for all models that are prompted.
        with_hints: Adds to the functions of cases the leaderboard's notes on the programming
            language.
        role: The leaderboard's instruction for prompted models, without its format of calls. The
            system texts of ToolACE, on which the paper trains, are similar.
    """

    check: Callable[[list[JSON], list[JSON], list[JSON], str], JSON]
    with_hints: Callable[[list[JSON]], list[JSON]]
    role: str


class StandInError(ChordError, RuntimeError):
    """bfcl-eval used a part of the stand-in that does not exist."""


def load_official(package: Package) -> Official:
    """Load the checker and its helpers from an installed bfcl-eval.

    Raises:
        EvaluationError: It differs from the supported version, or is damaged.
    """
    try:
        official = _load(package)
        found = official.check(*TRIAL)
        if found["valid"] is not True:
            raise ValueError(f"a correct call is judged wrong: {found}")
    except (ImportError, AttributeError, LookupError, TypeError, ValueError, StandInError) as error:
        raise EvaluationError(
            f"the checker of bfcl-eval {package.version} in {package.folder} cannot be used: "
            f"{error!r}. {how_to_install(package.folder)}"
        ) from error
    return official


def _load(package: Package) -> Official:
    with ExitStack() as stack:
        stack.enter_context(_on_sys_path(str(package.folder)))
        stack.enter_context(_fresh_modules())
        stack.enter_context(_scratch_project())
        sys.modules[REPLACED] = StandInForModelConfig(REPLACED)
        checker = importlib.import_module("bfcl_eval.eval_checker.ast_eval.ast_checker")
        utils = importlib.import_module("bfcl_eval.utils")
        python = importlib.import_module("bfcl_eval.constants.enums").Language.PYTHON
        prompts = importlib.import_module("bfcl_eval.constants.default_prompts")

    def check(functions: list[JSON], calls: list[JSON], answers: list[JSON], category: str) -> JSON:
        found: JSON = checker.ast_checker(functions, calls, answers, python, category, MODEL_NAME)
        return found

    style = prompts.PROMPT_STYLE_TEMPLATES["classic"]
    return Official(
        check=check,
        with_hints=utils.add_language_specific_hint_to_function_doc,
        role=f"{style['persona']} {style['task']}",
    )


class StandInForModelConfig(ModuleType):
    """A stand-in for `bfcl_eval.constants.model_config`, used while the checker is loaded."""

    def __getattr__(self, name: str) -> Any:
        if name == "MODEL_CONFIG_MAPPING":
            return _OneModel()
        if name.startswith("__"):  # Looked up by the import system.
            raise AttributeError(name)
        _refuse(f"its {name!r}")


class _OneModel:
    """The table of models, with our model only."""

    def __getitem__(self, model: str) -> _DotsKept:
        if model != MODEL_NAME:
            _refuse(f"the model {model!r}")
        return _DotsKept()

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(f"MODEL_CONFIG_MAPPING.{name}")


class _DotsKept:
    """The settings of a model whose function names keep their dots."""

    underscore_to_dot = False

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(f"{name!r} of a model")


def _refuse(what: str) -> NoReturn:
    raise StandInError(
        f"bfcl-eval uses {what} of {REPLACED}, which trinity-chord replaces by a stand-in that "
        "only says whether function names keep their dots. This bfcl-eval is not the supported "
        "version."
    )


@contextmanager
def _on_sys_path(folder: str) -> Iterator[None]:
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(folder)


@contextmanager
def _fresh_modules() -> Iterator[None]:
    """Import bfcl-eval afresh in the block, then restore the modules that were loaded before."""
    before = _remove_modules()
    try:
        yield
    finally:
        _remove_modules()
        sys.modules.update(before)


def _remove_modules() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.split(".")[0] == MODULE]
    return {name: sys.modules.pop(name) for name in names}


@contextmanager
def _scratch_project() -> Iterator[None]:
    """Let bfcl-eval create its folders in a temporary folder instead of site-packages."""
    before = os.environ.get(PROJECT_ROOT)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[PROJECT_ROOT] = folder
        try:
            yield
        finally:
            del os.environ[PROJECT_ROOT]
            if before is not None:
                os.environ[PROJECT_ROOT] = before
