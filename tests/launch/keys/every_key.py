"""Every key of a configuration, with its path, its type and the dataclass that has it."""

from dataclasses import dataclass, is_dataclass
from typing import Any, get_args

from trinity.common.config import Config

from trinity_chord.launch.keys.types import branches, section_type
from trinity_chord.launch.keys.walk import keys_of


@dataclass(frozen=True)
class Key:
    path: tuple[str | int, ...]
    kind: Any
    owner: type

    def holding(self, value: Any) -> Any:
        """What YAML holds if this key has a value, and no other key any."""
        for part in reversed(self.path):
            if isinstance(part, int):
                value = [value]
            elif part == "stage_name":
                value = {part: value}
            else:
                value = {part: value}
        return value

    def __str__(self) -> str:
        return ".".join(map(str, self.path))


def keys(kind: type = Config, path: tuple[str | int, ...] = ()) -> list[Key]:
    """All keys below a section; one item of each list and mapping of sections."""
    found = []
    for name, hint in keys_of(kind).items():
        if name == "stages":
            continue
        section = section_type(hint)
        items = [arg for branch in branches(hint) for arg in get_args(branch) if is_dataclass(arg)]
        if section is not None:
            found += keys(section, (*path, name))
        elif items:
            found += keys(items[-1], (*path, name, 0 if "List" in str(hint) else "any"))
        else:
            found.append(Key((*path, name), hint, kind))
    return found


KEYS = keys()
