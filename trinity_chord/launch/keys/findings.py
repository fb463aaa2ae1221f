"""What the checks of keys found: problems, and warnings about values that run but cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from trinity_chord.errors import did_you_mean

Path = tuple[str | int, ...]
SHOWN = 200  # Characters of a value that a message shows.


@dataclass
class Findings:
    """The problems and warnings about keys, each once, in the order of the configuration.

    Attributes:
        problems: The text of each problem by the path of its key.
        warnings: What runs, but is probably not meant.
        failed: The paths of the keys that a type does not fit, or that do not exist; a
            configuration with one cannot be loaded.
    """

    problems: dict[Path, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    failed: list[Path] = field(default_factory=list)

    def add(self, path: Path, got: Any, expected: str, hint: str = "") -> None:
        """Add a problem with a key, unless there is one already."""
        text = f"`{dotted(path)}`: got {shown(got)}, expected {expected}"
        self.problems.setdefault(path, text + (f"; {hint}" if hint else ""))

    def add_mistyped(self, path: Path, got: Any, expected: str) -> None:
        """Add a value that Trinity cannot load."""
        self.add(path, got, expected)
        self.failed.append(path)

    def add_unknown(self, path: Path, got: Any, known: Iterable[str]) -> None:
        """Add a key that does not exist, with the nearest that does."""
        names = list(known)
        hint = did_you_mean(str(path[-1]), names)
        listed = (
            "one of the keys " + ", ".join(f"`{name}`" for name in names) if names else "no key"
        )
        self.add(path, got, "a key that exists" if hint else listed, hint)

    def warn(self, path: Path, got: Any, text: str) -> None:
        """Add a warning about a key."""
        self.warnings.append(f"`{dotted(path)}`: got {shown(got)}; {text}")


def dotted(path: Path) -> str:
    """Return a path as the key is written in YAML and in overrides."""
    return ".".join(map(str, path))


def shown(value: Any) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
