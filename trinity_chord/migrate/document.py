"""A YAML file as its author wrote it: edits keep comments, order, quotes and all other lines."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml as pyyaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from trinity_chord.errors import ChordError
from trinity_chord.migrate.comment_lines import (
    AFTER_VALUE,
    Key,
    KeyPath,
    add_comment_lines,
    put_own_comment,
    take_comment_lines,
    uncommented,
)
from trinity_chord.path_hints import list_nearby

CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)


class MigrateError(ChordError, ValueError):
    """A file cannot be migrated; the message says why."""


class _AsWritten(VersionedResolver):
    """Takes every plain scalar for text, so that `False` and `1e-6` are written as they were."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """Return the tag of a node."""
        if kind is ScalarNode:
            return self.DEFAULT_SCALAR_TAG
        return super().resolve(kind, value, implicit)


def read_text(path: Path) -> str:
    """Read a text file.

    Raises:
        MigrateError: It does not exist, or is not text.
    """
    if not path.is_file():
        raise MigrateError(f"{path} does not exist. {list_nearby(path)}")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise MigrateError(f"{path}: got {error}, expected text in UTF-8") from error


def dotted(path: KeyPath) -> str:
    """Return a path as it is written in messages."""
    return ".".join(map(str, path))


def split(key: str) -> KeyPath:
    """Return the path of a dotted key; a number is an item of a list."""
    return tuple(int(part) if part.isdigit() else part for part in key.split("."))


class Document:
    """A YAML file that can be edited key by key.

    Args:
        text: The text of the file.
        name: Its name, for messages.

    Raises:
        MigrateError: The text is not a YAML mapping, or uses anchors.
    """

    def __init__(self, text: str, name: str) -> None:
        _check_text(text, name)
        self.original = text
        self._values = _parse(text, name)
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = 10_000  # Never wraps a line.
        self._yaml.Resolver = _AsWritten
        self._yaml.indent(mapping=2, sequence=_list_indent(text), offset=_list_indent(text) - 2)
        self._tree: CommentedMap = self._yaml.load(text)

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read a file; see the class."""
        return cls(read_text(path), str(path))

    def __contains__(self, key: str) -> bool:
        """Return whether the edited document has a key."""
        try:
            self._node(split(key))
        except (KeyError, IndexError, TypeError):
            return False
        return True

    def given(self, key: str, default: Any = None) -> Any:
        """Return the value of a key as the file has it, interpolations resolved.

        Args:
            key: The dotted key.
            default: Returned if the file lacks the key, if it is null, or if it refers to
                something that is not set, such as an environment variable.
        """
        try:
            value = OmegaConf.select(self._values, key)
        except OmegaConfBaseException:
            return default
        if OmegaConf.is_config(value):
            value = OmegaConf.to_container(value, resolve=False)
        return default if value is None else value

    def keys(self, key: str = "") -> list[Key]:
        """Return the keys or item numbers below a key of the edited document, the root if empty."""
        node = self._node(split(key)) if key else self._tree
        if isinstance(node, CommentedMap):
            return list(node)
        return list(range(len(node))) if isinstance(node, CommentedSeq) else []

    def leaves(self, key: str = "") -> Iterator[str]:
        """Yield the dotted keys of the edited document that hold no mapping or list of mappings."""
        below = self.keys(key)
        node = self._node(split(key)) if key else self._tree
        nested = isinstance(node, CommentedMap) or any(
            isinstance(each, CommentedMap) for each in node
        )
        if key and not (below and nested):
            yield key
            return
        for part in below:
            yield from self.leaves(f"{key}.{part}" if key else str(part))

    def set(self, key: str, value: Any) -> None:
        """Set a key; mappings above it are created if missing."""
        self._put(split(key), _as_node(value))

    def comment(self, key: str, text: str) -> None:
        """Put a comment at the end of a key's line."""
        *above, name = split(key)
        if text:
            self._node(tuple(above)).yaml_add_eol_comment(text, name, column=0)

    def remove(self, key: str) -> None:
        """Remove a key, and the mappings above it that become empty."""
        path = split(key)
        parent = self._node(path[:-1])
        self._cut(path)
        if len(path) > 1 and not parent:
            self.remove(dotted(path[:-1]))

    def move(self, key: str, to: str) -> None:
        """Move a key with all that is below it, including comments.

        It keeps its place if only its name changes.
        """
        path, to_path = split(key), split(to)
        parent = self._node(path[:-1])
        if path[:-1] == to_path[:-1]:
            names = list(parent)
            comments = parent.ca.items.pop(path[-1], None)
            parent.insert(names.index(path[-1]), to_path[-1], parent.pop(path[-1]))
            if comments:
                parent.ca.items[to_path[-1]] = comments
            return
        own = parent.ca.items.get(path[-1])
        value = self._cut(path)
        self._put(to_path, value)
        if own and own[AFTER_VALUE] and not isinstance(value, (CommentedMap, CommentedSeq)):
            put_own_comment(self._tree, to_path, own[AFTER_VALUE])
        if not parent:
            self.remove(dotted(path[:-1]))

    def text(self) -> str:
        """Return the edited document."""
        output = io.StringIO()
        self._yaml.dump(self._tree, output)
        return output.getvalue()

    def _node(self, path: KeyPath) -> Any:
        node: Any = self._tree
        for part in path:
            node = node[part]
        return node

    def _put(self, path: KeyPath, value: Any) -> None:
        """Set a key to a node; what is missing above it is inserted with it."""
        node, depth = self._tree, 0
        while depth < len(path) - 1 and _holds(node, path[depth]):
            node, depth = node[path[depth]], depth + 1
        for part in reversed(path[depth + 1 :]):
            value = CommentedMap({part: value})
        if path[depth] in node:
            node[path[depth]] = value
            return
        after = take_comment_lines(self._tree, (*path[:depth], list(node)[-1])) if node else ""
        node[path[depth]] = value
        add_comment_lines(self._tree, path[: depth + 1], after)

    def _cut(self, path: KeyPath) -> Any:
        """Remove a key and return its value; comment lines after it stay where they are."""
        parent, name = self._node(path[:-1]), path[-1]
        after = take_comment_lines(self._tree, path)
        names = self.keys(dotted(path[:-1]))
        position = names.index(name)
        value = parent.pop(name)
        parent.ca.items.pop(name, None)
        if position:
            add_comment_lines(self._tree, (*path[:-1], names[position - 1]), after)
        elif after.strip() and parent:
            lines, column = uncommented(after), parent.lc.col
            parent.yaml_set_comment_before_after_key(names[1], before=lines, indent=column)
        elif after:
            add_comment_lines(self._tree, self._path_before(path[:-1]), after)
        return value

    def _path_before(self, path: KeyPath) -> KeyPath:
        """Return the path of the key above, in the same mapping or in one that holds it."""
        names = self.keys(dotted(path[:-1]))
        position = names.index(path[-1])
        if position:
            return (*path[:-1], names[position - 1])
        return self._path_before(path[:-1]) if len(path) > 1 else path


def _check_text(text: str, name: str) -> None:
    for pattern, what in ((CONFLICT, "a merge conflict"), (re.compile(r"^ *\t", re.M), "a tab")):
        if found := pattern.search(text):
            line = text.count("\n", 0, found.start()) + 1
            raise MigrateError(f"{name}, line {line}: got {what}, expected YAML")


def _parse(text: str, name: str) -> DictConfig:
    """Return the values, as Trinity reads them."""
    try:
        tokens = list(pyyaml.scan(text))
        values = OmegaConf.load(io.StringIO(text))
    except pyyaml.YAMLError as error:
        raise MigrateError(f"{name}: not YAML: {error}") from error
    except (OmegaConfBaseException, OSError) as error:
        raise MigrateError(f"{name}: {error}") from error
    if any(isinstance(token, pyyaml.AliasToken) for token in tokens):
        raise MigrateError(
            f"{name}: got a YAML alias (`*name`), expected each value in full; write the "
            "values out, or refer to them as `${section.key}`"
        )
    if not isinstance(values, DictConfig) or not values:
        raise MigrateError(f"{name}: got no keys, expected a configuration (a YAML mapping)")
    return values


def _list_indent(text: str) -> int:
    """Return how far items of lists are indented in a text: 2, or 4 for dashes below their key."""
    indented = re.search(r"^( *)[^\s#-][^\n]*:[ \t]*(#[^\n]*)?\n\1  - ", text, re.MULTILINE)
    return 4 if indented else 2


def _as_node(value: Any) -> Any:
    """Return a value as the tree holds it: scalars are text."""
    if isinstance(value, dict):
        return CommentedMap({key: _as_node(each) for key, each in value.items()})
    if isinstance(value, Sequence) and not isinstance(value, str):
        return CommentedSeq([_as_node(each) for each in value])
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        text = repr(value)
        return text if "e" not in text or "." in text else text.replace("e", ".0e")
    if isinstance(value, str):
        return _as_text(value)
    return "null" if value is None else str(value)


def _as_text(value: str) -> str:
    """Return a text that is read as text again; the writer adds quotes if it has to."""
    if "\n" in value:
        return LiteralScalarString(value)
    try:
        read = pyyaml.safe_load(value)
    except pyyaml.YAMLError:
        read = value
    return value if isinstance(read, str) else DoubleQuotedScalarString(value)


def _holds(node: Any, part: Key) -> bool:
    """Return whether there is a mapping or list, not empty, at a key."""
    if isinstance(node, CommentedMap) and part not in node:
        return False
    return isinstance(node[part], (CommentedMap, CommentedSeq)) and bool(node[part])
