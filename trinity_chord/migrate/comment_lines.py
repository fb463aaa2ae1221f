"""The comment lines of a document that ruamel.yaml keeps after the value above them."""

from __future__ import annotations

from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark
from ruamel.yaml.tokens import CommentToken

Key = str | int
KeyPath = tuple[Key, ...]

# Where the comments after the value of a key, and after an item of a list, are kept.
AFTER_VALUE, AFTER_ITEM = 2, 0


def last_slot(tree: Any, path: KeyPath) -> tuple[Any, Key, int]:
    """Return where the comments after a value are kept: the node, its key, the slot."""
    node = tree
    for part in path[:-1]:
        node = node[part]
    name, value = path[-1], node[path[-1]]
    while isinstance(value, (CommentedMap, CommentedSeq)) and value and not _is_flow(value):
        node = value
        name = list(value)[-1] if isinstance(value, CommentedMap) else len(value) - 1
        value = node[name]
    return node, name, AFTER_ITEM if isinstance(node, CommentedSeq) else AFTER_VALUE


def _is_flow(node: Any) -> bool:
    return bool(node.fa.flow_style())


def take_comment_lines(tree: Any, path: KeyPath) -> str:
    """Remove and return the lines of comments after a value; a comment on its own line stays."""
    node, name, slot = last_slot(tree, path)
    tokens = node.ca.items.get(name)
    token = tokens[slot] if tokens else None
    if token is None:
        return ""
    own, newline, after = token.value.partition("\n")
    token.value = own + newline
    if not own:
        tokens[slot] = None
    return str(after) if own else str(newline + after).removeprefix("\n")


def add_comment_lines(tree: Any, path: KeyPath, lines: str) -> None:
    """Put lines of comments after a value."""
    if not lines:
        return
    node, name, slot = last_slot(tree, path)
    tokens = node.ca.items.setdefault(name, [None, None, None, None])
    if tokens[slot] is None:
        tokens[slot] = CommentToken("\n" + lines, CommentMark(0), None)
    else:
        tokens[slot].value += lines


def uncommented(lines: str) -> str:
    """Return the text of lines of comments."""
    return "\n".join(line.strip().removeprefix("#").strip() for line in lines.strip().splitlines())


def put_own_comment(tree: Any, path: KeyPath, token: Any) -> None:
    """Put a comment on the line of a key, before the lines of comments after it."""
    after = take_comment_lines(tree, path)
    node, name, slot = last_slot(tree, path)
    node.ca.items.setdefault(name, [None, None, None, None])[slot] = token
    add_comment_lines(tree, path, after)
