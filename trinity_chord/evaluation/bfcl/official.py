"""Loads bfcl-eval's own checker without the SDKs of all the vendors that it lists.

``ast_checker`` imports ``bfcl_eval.constants.model_config``, which imports the handler of every
model of the leaderboard, and takes one thing from it: whether a model's function names have ``_``
for ``.``. A stand-in answers that question for our model while the checker is loaded. The modules
loaded here are private copies: a program that imports bfcl-eval itself gets the real ones.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NoReturn

from trinity_chord.evaluation.bfcl.package import Package

# Without "_", which the checker takes for "/".
MODEL_NAME = "trinity-chord"
REPLACED = "bfcl_eval.constants.model_config"
# Makes folders for results when it is imported, and keeps their place.
WITH_FOLDERS = "bfcl_eval.constants.eval_config"
PROJECT_ROOT = "BFCL_PROJECT_ROOT"


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
            system texts of ToolACE, which the paper trains on, begin with the same sentences.
    """

    check: Callable[[list[dict], list[dict], list[dict], str], dict[str, Any]]
    with_hints: Callable[[list[dict]], list[dict]]
    role: str


def load_official(package: Package) -> Official:
    """Loads the checker and its helpers from an installed bfcl-eval."""
    with ExitStack() as stack:
        stack.enter_context(_importable(str(package.folder)))
        stack.enter_context(_in_place_of(REPLACED, StandInForModelConfig(REPLACED)))
        stack.enter_context(_in_place_of(WITH_FOLDERS, None))
        stack.enter_context(_scratch_project())
        checker = _load_copy("bfcl_eval.eval_checker.ast_eval.ast_checker")
        utils = _load_copy("bfcl_eval.utils")
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
    raise RuntimeError(
        f"bfcl-eval asked for {what} of {REPLACED}, for which trinity-chord has a stand-in that "
        "knows only whether function names keep their dots. This bfcl-eval is not the supported "
        "version."
    )


def _load_copy(name: str) -> ModuleType:
    """Executes a module under its own name without leaving it in ``sys.modules``."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no module {name}", name=name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def _importable(folder: str) -> Iterator[None]:
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


@contextmanager
def _in_place_of(name: str, module: ModuleType | None) -> Iterator[None]:
    """Puts a module, or none, under a name; what was there before is there after."""
    before = sys.modules.pop(name, None)
    if module is not None:
        sys.modules[name] = module
    try:
        yield
    finally:
        sys.modules.pop(name, None)
        parent, _, attribute = name.rpartition(".")
        vars(sys.modules[parent]).pop(attribute, None)
        if before is not None:
            sys.modules[name] = before
            setattr(sys.modules[parent], attribute, before)


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
