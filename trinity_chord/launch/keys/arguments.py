"""The free-form mappings: which arguments the class takes that another key names."""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, get_type_hints

from trinity_chord.errors import ChordConfigError, did_you_mean
from trinity_chord.launch.keys.findings import Findings, Path
from trinity_chord.launch.keys.names import named_by
from trinity_chord.launch.keys.ranges import ARGUMENTS
from trinity_chord.launch.keys.types import MisfitError, fit
from trinity_chord.launch.keys.walk import Entry

# The key that names the class, by the dataclass and key of its arguments.
NAME_KEYS = {
    ("AlgorithmConfig", "advantage_fn_args"): "advantage_fn",
    ("AlgorithmConfig", "policy_loss_fn_args"): "policy_loss_fn",
    ("AlgorithmConfig", "entropy_loss_fn_args"): "entropy_loss_fn",
    ("AlgorithmConfig", "sample_strategy_args"): "sample_strategy",
    ("AlgorithmConfig", "kl_loss_fn_args"): "kl_loss_fn",
    ("AlgorithmConfig", "kl_penalty_fn_args"): "kl_penalty_fn",
    ("TasksetConfig", "workflow_args"): "default_workflow_type",
    ("TasksetConfig", "reward_fn_args"): "default_reward_fn_type",
    ("DataSelectorConfig", "kwargs"): "selector_type",
    ("ReplayBufferConfig", "priority_fn_args"): "priority_fn",
    ("MonitorConfig", "monitor_args"): "monitor_type",
    ("OperatorConfig", "args"): "name",
}
# Arguments that a class reads by name from a mapping; the names of such mappings in its code.
READ_BY_NAME = {
    "workflow_args": ("workflow_args",),
    "monitor_args": ("monitor_args",),
    "kwargs": ("kwargs", "config"),
}
SET_BY_TRINITY = {"workflow_args": ("checkpoint_job_dir",)}
TASK_DEFAULTS: Path = ("buffer", "explorer_input")


@dataclass(frozen=True)
class Signature:
    """The arguments of a class.

    Attributes:
        kinds: The type of each argument by name; `Any` if it has none.
        required: Arguments without a default.
        closed: Whether any other argument is an error.
    """

    kinds: dict[str, Any]
    required: frozenset[str] = frozenset()
    closed: bool = True


def check_arguments(at: Mapping[Path, Entry], findings: Findings) -> None:
    """Check every free-form mapping whose class is known.

    Args:
        at: The keys of a configuration by path.
        findings: Where problems are added.
    """
    for entry in at.values():
        name_key = NAME_KEYS.get((entry.owner.__name__, entry.key))
        if name_key is None or not entry.value:
            continue
        part = _named_part(at, entry, name_key)
        if part is not None and not _is_ours(part):
            _check_part(entry, part, findings)


def _check_part(entry: Entry, part: type, findings: Findings) -> None:
    """Add a problem for each argument that a class does not take or cannot use."""
    signature = _signature(entry.key, part)
    for key, value in entry.value.items():
        path = (*entry.path, key)
        if key in signature.kinds:
            _check_value(path, value, signature.kinds[key], findings)
        elif key in SET_BY_TRINITY.get(entry.key, ()):
            continue
        elif signature.closed or did_you_mean(key, signature.kinds):
            findings.add_unknown(path, value, signature.kinds)
        elif _trees(part):
            findings.warn(path, value, f"{part.__name__} does not read this key")
    for missing in sorted(signature.required - set(entry.value)):
        findings.add((*entry.path, missing), None, f"a value for {part.__name__}")


def _signature(key: str, part: type) -> Signature:
    receivers = READ_BY_NAME.get(key)
    if receivers is None:
        return signature_of(part)
    return Signature(dict.fromkeys(sorted(_read_keys(part, receivers)), Any), closed=False)


@cache
def signature_of(part: type) -> Signature:
    """Return the arguments of a class's `__init__`, and of its bases' if it passes them on."""
    kinds: dict[str, Any] = {}
    required: set[str] = set()
    for base in part.__mro__[:-1]:
        if "__init__" not in vars(base):
            continue
        parameters = list(inspect.signature(base.__init__).parameters.values())[1:]  # type: ignore[misc]
        hints = _hints(base)
        named = [
            each for each in parameters if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
        ]
        for each in named:
            kinds.setdefault(each.name, hints.get(each.name, Any))
            if each.default is each.empty and base is part:
                required.add(each.name)
        if not any(each.kind is each.VAR_KEYWORD for each in parameters):
            return Signature(kinds, frozenset(required))
    return Signature(kinds, frozenset(required), closed=False)


def _named_part(at: Mapping[Path, Entry], entry: Entry, name_key: str) -> type | None:
    """Return the class that takes the arguments, None if it is not known."""
    here = entry.path[:-1]
    places = [(*here, name_key)]
    if entry.owner.__name__ == "TasksetConfig":
        if "eval_tasksets" in here and name_key == "default_workflow_type":
            places.append((*TASK_DEFAULTS, "default_eval_workflow_type"))
        places.append((*TASK_DEFAULTS, name_key))
    for place in places:
        named = at.get(place)
        if named is not None and named.value is not None:
            return _find(named)
    if entry.owner.__name__ == "AlgorithmConfig":
        return _default_part(at, Entry((*here, name_key), None, entry.owner))
    return None


def _default_part(at: Mapping[Path, Entry], entry: Entry) -> type | None:
    """Return the class that an algorithm takes if none is named."""
    algorithm = at.get((*entry.path[:-1], "algorithm_type"))
    kind = _find(algorithm) if algorithm is not None else None
    if kind is None:
        return None
    name = kind.default_config().get(entry.key)  # type: ignore[attr-defined]
    return _find(replace(entry, value=name)) if name else None


def _find(entry: Entry) -> type | None:
    named = named_by(entry)
    try:
        return named.find(str(entry.value)) if named else None
    except (ChordConfigError, ValueError):
        return None  # Reported with the key of the name.


def _is_ours(part: type) -> bool:
    """Return whether `derive` checks the arguments."""
    return part.__module__.startswith("trinity_chord.plugin")


def _check_value(path: Path, value: Any, kind: Any, findings: Findings) -> None:
    domain = ARGUMENTS.get(str(path[-1]))
    try:
        fitted = fit(value, kind)
    except MisfitError as error:
        findings.add(path, value, str(error))
        return
    if domain is not None and fitted is not None and domain.problem("", fitted):
        findings.add(path, value, str(domain))
    elif isinstance(fitted, float) and not math.isfinite(fitted):
        findings.add(path, value, "a finite number")


def _hints(part: type) -> dict[str, Any]:
    try:
        return get_type_hints(part.__init__)  # type: ignore[misc]
    except (NameError, TypeError):  # Names that are imported for type checks only.
        return {}


def _read_keys(part: type, receivers: tuple[str, ...]) -> Iterator[str]:
    """Yield the constant keys that the code of a class reads from mappings of these names."""
    defaults = getattr(part, "default_args", None)
    if callable(defaults):
        yield from defaults() or {}
    for tree in _trees(part):
        for node in ast.walk(tree):
            key = _key_read(node, receivers)
            if key is not None:
                yield key


def _key_read(node: ast.AST, receivers: tuple[str, ...]) -> str | None:
    if isinstance(node, ast.Subscript):
        receiver, key = node.value, node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if node.func.attr not in ("get", "pop"):
            return None
        receiver, key = node.func.value, node.args[0]
    else:
        return None
    name = getattr(receiver, "attr", getattr(receiver, "id", None))
    is_key = isinstance(key, ast.Constant) and isinstance(key.value, str)
    return key.value if name in receivers and is_key else None  # type: ignore[attr-defined]


@cache
def _trees(part: type) -> tuple[ast.AST, ...]:
    """Return the code of a class and of its bases."""
    trees = []
    for base in part.__mro__[:-1]:
        try:
            trees.append(ast.parse(textwrap.dedent(inspect.getsource(base))))
        except (OSError, TypeError, SyntaxError):
            continue
    return tuple(trees)
