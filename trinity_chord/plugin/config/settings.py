"""The base of the typed settings: their value types, and how a section is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    Strict,
    ValidationError,
)
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from trinity_chord.errors import Problems, did_you_mean
from trinity_chord.plugin.config.schema import (
    MAPPING,
    Schema,
    describe,
    keys_of,
    part_of,
    schema_of,
)


class Settings(BaseModel):
    """A section of the configuration as a user writes it; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def has(self, key: str) -> bool:
        """Return whether the user gave a key; one that is null or wrong counts as not given."""
        return key in self.model_fields_set


@dataclass(frozen=True)
class OneOf:
    """Annotation of a text that is one of a few words."""

    words: tuple[str, ...]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return pydantic's schema of the words."""
        return core_schema.literal_schema(list(self.words))


def _to_whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# All strict: YAML tells 1, '1' and true apart.
Flag = Annotated[bool, Strict()]
Number = Annotated[float, Strict()]
NonNegative = Annotated[Number, Field(ge=0)]
Positive = Annotated[Number, Field(gt=0)]
UnitInterval = Annotated[Number, Field(ge=0, le=1)]
Whole = Annotated[int, Strict(), Field(ge=0), BeforeValidator(_to_whole)]
Name = Annotated[str, Strict(), Field(min_length=1, json_schema_extra={"expected": "a name"})]
RuleName = Annotated[Name, Field(json_schema_extra={"expected": "a name or a dotted path"})]
Column = Annotated[Name, Field(json_schema_extra={"expected": "the name of a column"})]

SettingsT = TypeVar("SettingsT", bound=Settings)


def read_settings(
    model: type[SettingsT], section: str, values: Any, problems: Problems
) -> SettingsT:
    """Read a section of the configuration; add a problem for every key that is wrong.

    Args:
        model: The model of the section.
        section: The dotted key of the section.
        values: What YAML holds there; None if nothing.
        problems: Collects what is wrong.

    Returns:
        The settings. A wrong key counts as not given, so that the rules that relate keys to each
        other can still be checked.
    """
    if values is None:
        return model()
    if not isinstance(values, Mapping) or not all(isinstance(key, str) for key in values):
        problems.add(section, values, MAPPING)
        return model()
    known = model.model_fields
    given = {key: value for key, value in values.items() if value is not None or key not in known}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False)
        schema = schema_of(model)
        for each in found:
            _add_problem(section, each, given, schema, problems)
        wrong = {each["loc"][0] for each in found}
        return model.model_validate({k: v for k, v in given.items() if k not in wrong})


def add_unknown_key(key: str, value: Any, known: Sequence[str], problems: Problems) -> None:
    """Add the problem of a key that does not exist.

    Args:
        key: The dotted key.
        value: Its value.
        known: The keys that exist in its place.
        problems: Collects what is wrong.
    """
    hint = did_you_mean(key.rpartition(".")[2], known)
    listed = "one of the keys " + ", ".join(f"`{each}`" for each in known)
    problems.add(key, value, "a key that exists" if hint else listed, hint)


def _add_problem(
    section: str, error: ErrorDetails, given: Mapping[str, Any], schema: Schema, problems: Problems
) -> None:
    """Add one of pydantic's errors as a problem."""
    path, value = _locate(error["loc"], given)
    key = ".".join([section, *map(str, path)])
    if error["type"] == "extra_forbidden":
        add_unknown_key(key, value, keys_of(part_of(schema, path[:-1])), problems)
    elif error["type"] == "value_error":
        problems.add_text(f"`{key}`: {error['ctx']['error']}")
    else:
        problems.add(key, value, describe(part_of(schema, path)))


def _locate(location: Sequence[str | int], given: Mapping[str, Any]) -> tuple[list[str | int], Any]:
    """Follow the location of an error through what the user gave.

    A location also names the branch of a union, which is not a key in YAML. It ends in ``[key]``
    if the key of a mapping is wrong, in which case the mapping is reported.

    Returns:
        The keys that lead to the wrong value, and the value; None for a key that is missing.
    """
    if location[-1] == "[key]":
        location = location[:-2]
    path: list[str | int] = []
    value: Any = given
    for step in location[:-1]:
        if _leads_on(value, step):
            value = value[step]
            path.append(step)
    if _leads_on(value, location[-1]):
        return [*path, location[-1]], value[location[-1]]
    is_missing = isinstance(value, Mapping)
    return ([*path, location[-1]], None) if is_missing else (path, value)


def _leads_on(value: Any, step: str | int) -> bool:
    if isinstance(value, Mapping):
        return step in value
    return isinstance(value, list) and isinstance(step, int)
