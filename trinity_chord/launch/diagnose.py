"""Finds every problem of a configuration at once, not only the first that a validator raises.

A validator of Trinity's stops at its first problem, and those after it want what it would have
filled in. So a problem is told, what caused it is mended in a copy, and the checks go on with the
copy:

1. The cause of an error is looked for among the values that the user has set: one that makes the
   error go away when it is put back to its default. Where several are needed, each is told with the
   error that it raises while all the others are mended. So no error is told that follows from
   another.
2. The plugin's own check lists all its problems in one error. Trinity's checks then go on with a
   plain algorithm in its place.
3. An error without such a cause is told if it is the first, and left for the next check if not: it
   may only follow from the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from trinity.common.config import AlgorithmConfig, Config
from trinity.common.config_validator import AlgorithmConfigValidator, ConfigValidator, validators

from trinity_chord.errors import ChordConfigError
from trinity_chord.plugin import install

Path = tuple[str | int, ...]
MOST_CAUSES = 8
# Where a check happens and for which cluster, not what is checked.
SURROUNDINGS = (
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
# Stand-ins for what a user has left out.
MISSING = {"path": "left-out", "max_model_len": 2, "train_batch_size": 1}
KEPT = ("repeat_times", "optimizer", "advantage_fn", "advantage_fn_args", "loss_agg_mode")


@dataclass(frozen=True)
class _Mend:
    """A value that may cause an error, and what it is replaced by.

    Attributes:
        path: Where it stands.
        found: The value.
        mended: Its default, or a stand-in where the default is as wrong.
    """

    path: Path
    found: Any
    mended: Any

    @property
    def key(self) -> str:
        """The key as it stands in YAML."""
        return ".".join(str(part) for part in self.path)

    def is_named_in(self, text: str) -> bool:
        """Whether a text speaks of the key or of its value."""
        value = self.found if isinstance(self.found, str) else None
        return str(self.path[-1]) in text or bool(value and value in text)

    def apply(self, config: Config) -> None:
        """Replaces the value in a configuration."""
        at: Any = config
        for part in self.path[:-1]:
            at = getattr(at, part) if isinstance(part, str) and is_dataclass(at) else at[part]
        last = self.path[-1]
        if is_dataclass(at):
            setattr(at, str(last), deepcopy(self.mended))
        else:
            at[last] = deepcopy(self.mended)


@dataclass(frozen=True)
class _Problem:
    """An error, and the value that causes it where it is known."""

    error: str
    cause: _Mend | None = None

    def __str__(self) -> str:
        if self.cause is None:
            return self.error
        key, found = self.cause.key, self.cause.found
        if not found and self.cause.path[-1] in MISSING:
            return f"`{key}`: got {found!r}, expected a value"
        named = str(self.cause.path[-1]) in self.error and str(found) in self.error
        return self.error if named else f"`{key}`: got {found!r}: {self.error}"


def find_problems(config: Config) -> tuple[list[str], Config]:
    """Runs Trinity's validators, and with them ours, on copies of a configuration.

    Args:
        config: The configuration; it is not changed.

    Returns:
        The problems, each once, and the configuration as the validators complete it; the latter is
        of use only where there are none.
    """
    install()
    problems: list[_Problem] = []
    for validator in list(validators):
        found, config = _validate(validator, config, first=not problems)
        for problem in found:
            _tell(problem, problems)
    return [str(problem) for problem in problems], config


def _tell(problem: _Problem, problems: list[_Problem]) -> None:
    """Adds a problem, or its cause where the same error was told already without one."""
    for number, told in enumerate(problems):
        if problem.error in str(told):
            if problem.cause and not told.cause:
                problems[number] = problem
            return
    problems.append(problem)


def _validate(
    validator: ConfigValidator, config: Config, *, first: bool
) -> tuple[list[_Problem], Config]:
    """Returns a validator's problems, and the configuration for the validators after it."""
    completed, error = _attempt(validator, config)
    if error is None:
        return [], completed
    if isinstance(error, ChordConfigError):
        ours = [_Problem(text) for text in error.problems]
        if not isinstance(validator, AlgorithmConfigValidator):
            return ours, config
        found, completed = _validate(validator, _plain(config, error), first=False)
        return [*ours, *found], completed
    causes = _causes(validator, config, error)
    if not causes:
        return ([_Problem(_message(error))] if first else []), completed
    found = []
    for cause in causes:
        others = [each for each in causes if each is not cause]
        left = _attempt(validator, _mended(config, others))[1]
        found.append(_Problem(_message(left or error), cause))
    return found, _attempt(validator, _mended(config, causes))[0]


def _attempt(validator: ConfigValidator, config: Config) -> tuple[Config, Exception | None]:
    """Validates a copy; returns it, however far it came, and what was raised."""
    copy = deepcopy(config)
    try:
        validator.validate(copy)
    except Exception as error:  # whatever a validator raises is a finding about the configuration
        return copy, error
    return copy, None


def _causes(validator: ConfigValidator, config: Config, error: Exception) -> list[_Mend]:
    """The values found that must be mended for a validator to pass; none where none would do."""
    if config.model.tinker.enable:  # every attempt would ask the service
        return []
    causes: list[_Mend] = []
    told: Exception | None = error
    seen = {str(error)}
    while told is not None:
        step = _next_cause(validator, _mended(config, causes), told, seen)
        if step is None or len(causes) == MOST_CAUSES:
            return []
        cause, told = step
        causes.append(cause)
        seen.add(str(told))
    for cause in list(causes):
        others = [each for each in causes if each is not cause]
        if _attempt(validator, _mended(config, others))[1] is None:
            causes = others
    return causes


def _next_cause(
    validator: ConfigValidator, config: Config, error: Exception, seen: set[str]
) -> tuple[_Mend, Exception | None] | None:
    """A value without which the validator passes, or else comes to an error not seen before."""
    further = None
    mends = sorted(_mends(config), key=lambda mend: not mend.is_named_in(str(error)))
    for mend in mends:
        left = _attempt(validator, _mended(config, [mend]))[1]
        if left is None:
            return mend, None
        if further is None and str(left) not in seen:
            further = mend, left
    return further


def _mended(config: Config, mends: list[_Mend]) -> Config:
    copy = deepcopy(config)
    for mend in mends:
        mend.apply(copy)
    return copy


def _plain(config: Config, error: ChordConfigError) -> Config:
    """A configuration in which the plugin's problems are mended, with an algorithm of Trinity's."""
    named = [mend for mend in _mends(config) if any(f"`{mend.key}`" in t for t in error.problems)]
    plain = _mended(config, named)
    kept = {key: getattr(config.algorithm, key) for key in KEPT}
    plain.algorithm = AlgorithmConfig(algorithm_type="grpo", **kept)
    plain.buffer.train_batch_size = plain.buffer.train_batch_size or MISSING["train_batch_size"]
    return plain


def _message(error: Exception) -> str:
    return str(error) or type(error).__name__


def _mends(config: Config) -> list[_Mend]:
    """What may be mended: every value that is not the default, and what has none and is missing."""
    return [mend for mend in _walk(config, Config(), ()) if mend.path[0] not in SURROUNDINGS]


def _walk(value: Any, default: Any, path: Path) -> Iterator[_Mend]:
    if is_dataclass(value):
        plain = default if isinstance(default, type(value)) else type(value)()  # type: ignore[misc]
        for field in fields(value):
            found = getattr(value, field.name)
            yield from _walk(found, getattr(plain, field.name), (*path, field.name))
    elif isinstance(value, (list, dict)) and any(map(is_dataclass, _members(value).values())):
        for key, member in _members(value).items():
            yield from _walk(member, None, (*path, key))
    elif not value and path[-1] in MISSING:
        yield _Mend(path, value, MISSING[str(path[-1])])
    elif value != default:
        yield _Mend(path, value, default)


def _members(values: list[Any] | dict[str, Any]) -> dict[Any, Any]:
    return dict(enumerate(values)) if isinstance(values, list) else values
