"""Reads YAML text without letting a small file grow into a huge value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from trinity_chord.errors import ChordError
from trinity_chord.path_hints import list_nearby

MOST_NODES = 100_000  # Keys and values with every alias written out; shipped files have a few 100.
DEEPEST = 100


class ConfigFileError(ChordError, ValueError):
    """A YAML file or an override cannot be loaded."""


def read_yaml(path: Path) -> DictConfig:
    """Read a YAML file that holds a mapping.

    Raises:
        ConfigFileError: The file does not exist, cannot be read, is not YAML, holds something else
            than a mapping, or grows without bound by its aliases.
    """
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise ConfigFileError(f"{path} {kind}. {list_nearby(path)}")
    try:
        root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
        problem = _problem(root)
        loaded: Any = None if problem else OmegaConf.load(path)
    except OSError as error:
        raise ConfigFileError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigFileError(f"{path}: not UTF-8 text at byte {error.start}") from error
    except RecursionError as error:
        raise ConfigFileError(f"{path}: not YAML: nested too deeply") from error
    except (yaml.YAMLError, OmegaConfBaseException, ValueError) as error:
        raise ConfigFileError(f"{path}: not YAML: {error}") from error
    if problem:
        raise ConfigFileError(f"{path}{problem}")
    assert isinstance(loaded, DictConfig)
    return loaded


def _problem(root: yaml.Node | None) -> str | None:
    """Return why a document cannot be a configuration, None if it may be one."""
    if root is None:
        return None
    if not isinstance(root, yaml.MappingNode):
        return f": got {_kind(root)}, expected a mapping of the keys of a configuration"
    sizes: dict[int, int] = {}
    return _size_problem(root, sizes, ())


def _size_problem(node: yaml.Node, sizes: dict[int, int], above: tuple[int, ...]) -> str | None:
    """Return where aliases multiply or contain themselves, None if they do not.

    Args:
        node: A node.
        sizes: The values below each node, with every alias written out; filled in.
        above: The nodes that contain it.
    """
    if id(node) in above:
        return f", line {_line(node)}: got an alias that contains itself"
    if len(above) > DEEPEST:
        return f", line {_line(node)}: got more than {DEEPEST} levels"
    for child in _children(node):
        if id(child) not in sizes:
            problem = _size_problem(child, sizes, (*above, id(node)))
            if problem:
                return problem
    total = sizes[id(node)] = 1 + sum(sizes[id(child)] for child in _children(node))
    if total > MOST_NODES:
        return (
            f", line {_line(node)}: got {total:,} values with every alias written out, expected "
            f"at most {MOST_NODES:,}"
        )
    return None


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _kind(node: yaml.Node) -> str:
    return "a list" if isinstance(node, yaml.SequenceNode) else f"{str(node.value)[:60]!r}"
