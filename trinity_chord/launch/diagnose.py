"""Finds all problems of a configuration at once, not only the first that a validator raises.

Each of Trinity's validators stops at its first problem, and later validators need the values that
it would have filled in. So each problem is recorded, its cause is replaced in a copy of the
configuration, and validation continues with the copy:

1. The cause of an error is searched among the values that the user has set: a value whose reset to
   its default removes the error. If several values have to be reset, each one is reported with the
   error that it raises while the others are reset. So no reported error is the consequence of
   another.
2. The plugin's own check lists all its problems in one error. Trinity's checks then continue with
   a plain algorithm in its place.
3. An error without such a cause is reported only if it is the first problem. Otherwise it is left
   to the next check, because it may be a consequence of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from trinity.common.config import AlgorithmConfig, Config
from trinity.common.config_validator import AlgorithmConfigValidator, ConfigValidator, validators

from trinity_chord.errors import ChordConfigError
from trinity_chord.plugin import install

Path = tuple[str | int, ...]
MAX_CAUSES = 8
# Sections that say where a check runs and for which cluster, not what is checked.
NEVER_REPLACED = (
    "cluster",
    "checkpoint_root_dir",
    "checkpoint_job_dir",
    "project",
    "group",
    "name",
    "ray_namespace",
    "continue_from_checkpoint",
    "ignore_validator_suggestions",
    "stages",
)
# Values that stand in for required ones, which have no valid default.
STAND_INS = {"path": "left-out", "max_model_len": 2, "train_batch_size": 1}
# Its name has been looked up already, and another algorithm does not change other values.
ALGORITHM_TYPE = ("algorithm", "algorithm_type")
KEPT = ("repeat_times", "optimizer", "advantage_fn", "advantage_fn_args", "loss_agg_mode")


@dataclass(frozen=True)
class _Replacement:
    """A value that may cause an error, and the value to try in its place.

    Attributes:
        path: Keys and indices that lead to the value.
        found: The value.
        valid: Its default, or a stand-in if it has no valid default.
    """

    path: Path
    found: Any
    valid: Any

    @property
    def key(self) -> str:
        """The key as it is written in YAML."""
        return ".".join(str(part) for part in self.path)

    def is_named_in(self, text: str) -> bool:
        """Return whether a text mentions the key or its value."""
        value = self.found if isinstance(self.found, str) else None
        return str(self.path[-1]) in text or bool(value and value in text)

    def apply(self, config: Config) -> None:
        """Replace the value in a configuration."""
        at: Any = config
        for part in self.path[:-1]:
            at = getattr(at, part) if isinstance(part, str) and is_dataclass(at) else at[part]
        last = self.path[-1]
        if is_dataclass(at):
            setattr(at, str(last), deepcopy(self.valid))
        else:
            at[last] = deepcopy(self.valid)


@dataclass(frozen=True)
class _Problem:
    """An error, and the value that causes it if it is known."""

    error: str
    cause: _Replacement | None = None

    def __str__(self) -> str:
        if self.cause is None:
            return self.error
        key, found = self.cause.key, self.cause.found
        if not found and self.cause.path[-1] in STAND_INS:
            return f"`{key}`: got {found!r}, expected a value"
        named = str(self.cause.path[-1]) in self.error and str(found) in self.error
        return self.error if named else f"`{key}`: got {found!r}: {self.error}"


def find_problems(config: Config) -> tuple[list[str], Config]:
    """Run Trinity's validators, which include the plugin's, on copies of a configuration.

    Args:
        config: The configuration; it is not changed.

    Returns:
        The problems, each once, and the configuration as completed by the validators, which is
        valid only if there are no problems.
    """
    install()
    problems: list[_Problem] = []
    for validator in list(validators):
        found, config = _validate(validator, config, first=not problems)
        for problem in found:
            _add(problem, problems)
    return [str(problem) for problem in problems], config


def without(config: Config, paths: Iterable[Path]) -> Config:
    """Return a copy with valid values in place of those that keys hold.

    Args:
        config: The configuration.
        paths: The keys, or keys inside of their values.
    """
    wrong = set(paths)
    return _replaced(
        config,
        [
            each
            for each in _walk(config, Config(), ())
            if any(path[: len(each.path)] == each.path for path in wrong)
        ],
    )


def _add(problem: _Problem, problems: list[_Problem]) -> None:
    """Add a problem that is not listed yet, or its cause if it is listed without one."""
    for number, listed in enumerate(problems):
        if problem.error in str(listed):
            if problem.cause and not listed.cause:
                problems[number] = problem
            return
    problems.append(problem)


def _validate(
    validator: ConfigValidator, config: Config, *, first: bool
) -> tuple[list[_Problem], Config]:
    """Return a validator's problems and the configuration for the validators after it."""
    completed, error = _attempt(validator, config)
    if error is None:
        return [], completed
    if isinstance(error, ChordConfigError):
        ours = [_Problem(text) for text in error.problems]
        if not isinstance(validator, AlgorithmConfigValidator):
            return ours, config
        found, completed = _validate(validator, _with_plain_algorithm(config, error), first=False)
        return [*ours, *found], completed
    causes = _causes(validator, config, error)
    if not causes:
        return ([_Problem(_message(error))] if first else []), completed
    found = []
    for cause in causes:
        own_error = _attempt(validator, _replaced(config, _without(causes, cause)))[1]
        found.append(_Problem(_message(own_error or error), cause))
    return found, _attempt(validator, _replaced(config, causes))[0]


def _attempt(validator: ConfigValidator, config: Config) -> tuple[Config, Exception | None]:
    """Validate a copy and return it, even if incomplete, with the error that was raised."""
    copy = deepcopy(config)
    try:
        validator.validate(copy)
    except Exception as error:  # Validators raise any type; each error is a finding.
        return copy, error
    return copy, None


def _causes(validator: ConfigValidator, config: Config, error: Exception) -> list[_Replacement]:
    """Return the replacements that a validator needs to pass; none if there are no such."""
    if config.model.tinker.enable:  # Every attempt would call the service.
        return []
    causes: list[_Replacement] = []
    current: Exception | None = error
    seen = {str(error)}
    while current is not None:
        step = _next_cause(validator, _replaced(config, causes), current, seen)
        if step is None or len(causes) == MAX_CAUSES:
            return []
        cause, current = step
        causes.append(cause)
        seen.add(str(current))
    for cause in list(causes):
        others = _without(causes, cause)
        if _attempt(validator, _replaced(config, others))[1] is None:
            causes = others
    return causes


def _next_cause(
    validator: ConfigValidator, config: Config, error: Exception, seen: set[str]
) -> tuple[_Replacement, Exception | None] | None:
    """Return a replacement that makes the validator pass, or else leads to an error not yet seen.

    Returns:
        The replacement and the error that remains; None if there is no such replacement.
    """
    progress = None
    candidates = sorted(_candidates(config), key=lambda each: not each.is_named_in(str(error)))
    for candidate in candidates:
        remaining = _attempt(validator, _replaced(config, [candidate]))[1]
        if remaining is None:
            return candidate, None
        if progress is None and str(remaining) not in seen:
            progress = candidate, remaining
    return progress


def _replaced(config: Config, replacements: Sequence[_Replacement]) -> Config:
    copy = deepcopy(config)
    for replacement in replacements:
        replacement.apply(copy)
    return copy


def _without(causes: Sequence[_Replacement], cause: _Replacement) -> list[_Replacement]:
    return [each for each in causes if each is not cause]


def _with_plain_algorithm(config: Config, error: ChordConfigError) -> Config:
    """Return a copy with one of Trinity's algorithms, without the values that an error names."""
    named = [
        each
        for each in _candidates(config)
        if any(f"`{each.key}`" in text for text in error.problems)
    ]
    plain = _replaced(config, named)
    kept = {key: getattr(config.algorithm, key) for key in KEPT}
    plain.algorithm = AlgorithmConfig(algorithm_type="grpo", **kept)
    plain.buffer.train_batch_size = plain.buffer.train_batch_size or STAND_INS["train_batch_size"]
    return plain


def _message(error: Exception) -> str:
    return str(error) or type(error).__name__


def _candidates(config: Config) -> list[_Replacement]:
    """Return a replacement for every value that is not the default or is required and missing."""
    return [
        each
        for each in _walk(config, Config(), ())
        if each.path[0] not in NEVER_REPLACED and each.path != ALGORITHM_TYPE
    ]


def _walk(value: Any, default: Any, path: Path) -> Iterator[_Replacement]:
    if is_dataclass(value):
        plain = default if isinstance(default, type(value)) else type(value)()  # type: ignore[misc]
        for field in fields(value):
            found = getattr(value, field.name)
            yield from _walk(found, getattr(plain, field.name), (*path, field.name))
    elif isinstance(value, (list, dict)) and any(map(is_dataclass, _members(value).values())):
        for key, member in _members(value).items():
            yield from _walk(member, None, (*path, key))
    else:
        valid = _valid_value(str(path[-1]), value, default)
        if value != valid:
            yield _Replacement(path, value, valid)


def _valid_value(key: str, value: Any, default: Any) -> Any:
    """Return the default, or a stand-in for a required value if the default is not valid either."""
    if default or (value and key != "path"):  # Trinity may compute the others if they are left out.
        return default
    return STAND_INS.get(key, default)


def _members(values: list[Any] | dict[str, Any]) -> dict[Any, Any]:
    return dict(enumerate(values)) if isinstance(values, list) else values
