"""The walk over a configuration: every key with its type, in one order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from trinity_chord.launch.keys.findings import Findings, Path
from trinity_chord.launch.keys.types import MisfitError, branches, fit, is_section, section_type


@dataclass(frozen=True)
class Entry:
    """A key whose value fits its type.

    Attributes:
        path: The keys and list positions that lead to the value.
        value: The value, as the type of its key.
        owner: The dataclass that has the key.
    """

    path: Path
    value: Any
    owner: type

    @property
    def key(self) -> str:
        """The last part of the path."""
        return str(self.path[-1])


def walk(section: Any, kind: type, findings: Findings, path: Path = ()) -> Iterator[Entry]:
    """Yield the keys of a section and of the sections in it.

    Args:
        section: An instance of the dataclass, or what YAML holds in its place.
        kind: The dataclass.
        findings: Where keys that do not exist and values that do not fit are added.
        path: The path of the section.
    """
    members = members_of(section)
    if members is None:
        findings.add_mistyped(path, section, f"a mapping with the keys {_listed(keys_of(kind))}")
        return
    hints = keys_of(kind)
    for key, value in members.items():
        if key not in hints:
            findings.add_unknown((*path, key), value, hints)
            findings.failed.append((*path, key))
        else:
            yield from _walk_key(Entry((*path, key), value, kind), hints[key], findings)
    for missing in _required(kind) - set(members):
        findings.add_mistyped((*path, missing), None, "a value")


def members_of(section: Any) -> dict[Any, Any] | None:
    """Return the values of a section by key, None for another value."""
    if is_dataclass(section) and not isinstance(section, type):
        return {field.name: getattr(section, field.name) for field in fields(section)}
    return dict(section) if isinstance(section, Mapping) else None


@cache
def keys_of(kind: type) -> dict[str, Any]:
    """Return the type of each key of a dataclass; a key whose default is None may be None."""
    hints = get_type_hints(kind)
    return {
        field.name: hints[field.name] | None if field.default is None else hints[field.name]
        for field in fields(kind)
    }


@cache
def _required(kind: type) -> frozenset[str]:
    return frozenset(
        field.name
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    )


def _walk_key(entry: Entry, kind: Any, findings: Findings) -> Iterator[Entry]:
    """Yield a key, and the keys below it if it holds sections."""
    section = section_type(kind)
    if section is not None:
        if entry.value is None and type(None) in branches(kind):
            return
        yield from walk(entry.value, section, findings, entry.path)
        return
    try:
        value = fit(entry.value, kind)
    except MisfitError as error:
        findings.add_mistyped(entry.path, entry.value, str(error))
        return
    item = _item_section(kind)
    if item is None or value is None:
        yield Entry(entry.path, value, entry.owner)
        return
    for key, member in _numbered(value):
        yield from walk(member, item, findings, (*entry.path, key))


def _item_section(kind: Any) -> type | None:
    """Return the dataclass of the items of a list or mapping, None if they are values."""
    for branch in branches(kind):
        items = get_args(branch) if get_origin(branch) in (list, dict) else ()
        if items and is_section(items[-1]):
            return items[-1]
    return None


def _numbered(values: Any) -> Iterable[tuple[str | int, Any]]:
    return values.items() if isinstance(values, Mapping) else enumerate(values)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
