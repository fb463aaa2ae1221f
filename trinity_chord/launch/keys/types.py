"""Whether a value fits the type that a dataclass gives its key, as Trinity's loader judges it."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import is_dataclass
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

from omegaconf import FloatNode, IntegerNode, StringNode
from omegaconf.errors import ValidationError

from trinity_chord.errors import ChordError

NUMBERS = {int: (IntegerNode, "a whole number"), float: (FloatNode, "a number")}
FLAG_WORDS = ("true", "false", "yes", "no", "on", "off", "y", "n")


class MisfitError(ChordError, ValueError):
    """A value that does not fit; the message completes "expected ..."."""


def fit(value: Any, kind: Any) -> Any:
    """Return a value as the type that its key has.

    Sections, which are dataclasses, are not judged here.

    Raises:
        MisfitError: The value does not fit; the text says what would.
    """
    choices = branches(kind)
    if value is None and type(None) in choices:
        return None
    errors = []
    for choice in choices:
        if choice is type(None):
            continue
        try:
            return _fit_one(value, choice)
        except MisfitError as error:
            errors.append(str(error))
    raise MisfitError(" or ".join(dict.fromkeys(errors)))


def branches(kind: Any) -> tuple[Any, ...]:
    """Return the types of a union; a type of its own for any other type."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def section_type(kind: Any) -> type | None:
    """Return the dataclass of a key that holds a section, None if it holds a value."""
    return next((each for each in branches(kind) if is_section(each)), None)


def is_section(kind: Any) -> bool:
    """Return whether a type is a dataclass."""
    return isinstance(kind, type) and is_dataclass(kind)


def _fit_one(value: Any, kind: Any) -> Any:
    origin: Any = get_origin(kind) or kind
    if origin is Literal:
        return _one_of(value, get_args(kind))
    if origin is Any or not isinstance(origin, type):
        return value
    if issubclass(origin, Enum):
        return _member(value, origin)
    if origin is bool:
        return _flag(value)
    if origin in NUMBERS:
        node, words = NUMBERS[origin]
        return _converted(value, node, words)
    if origin is str:
        return _converted(value, StringNode, "text")
    if origin in (list, tuple, set):
        return _items(value, get_args(kind))
    if origin is dict:
        return _pairs(value, get_args(kind))
    return value


def _one_of(value: Any, words: tuple[Any, ...]) -> Any:
    if value not in words:
        raise MisfitError("one of " + ", ".join(map(repr, words)))
    return value


def _member(value: Any, kind: type[Enum]) -> Any:
    if isinstance(value, kind):
        return value
    names = [str(member.value) for member in kind]
    aliases = getattr(type(kind), "name_aliases", {})
    if isinstance(value, str) and (value.lower() in names or value.lower() in aliases):
        return kind(value)
    raise MisfitError("one of " + ", ".join(map(repr, names)))


def _flag(value: Any) -> bool:
    if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    if isinstance(value, str) and value.lower() in FLAG_WORDS:
        return value.lower() in FLAG_WORDS[::2]
    raise MisfitError("true or false")


def _converted(value: Any, node: Any, words: str) -> Any:
    if isinstance(value, Enum):
        value = value.value
    if value is None or value == "???":
        raise MisfitError(words)
    try:
        return node(value)._value()
    except ValidationError as error:
        raise MisfitError(words) from error


def _items(value: Any, kinds: tuple[Any, ...]) -> Any:
    if not isinstance(value, (list, tuple)):
        raise MisfitError("a list")
    kind = kinds[0] if kinds else Any
    if is_section(kind):
        return value
    try:
        return [fit(each, kind) for each in value]
    except MisfitError as error:
        raise MisfitError(f"a list; each item: {error}") from error


def _pairs(value: Any, kinds: tuple[Any, ...]) -> Any:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise MisfitError("a mapping of names to values")
    kind = kinds[1] if len(kinds) == 2 else Any
    if is_section(kind):
        return value
    try:
        return {key: fit(each, kind) for key, each in value.items()}
    except MisfitError as error:
        raise MisfitError(f"a mapping of names; each value: {error}") from error
