"""Reads ms-swift's command line from a shell script, without running anything."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from trinity_chord.migrate.document import MigrateError

COMMENT_OR_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|(?:^|(?<=\s))#[^\n]*", re.MULTILINE)
ASSIGNMENT = re.compile(r"(\w+)=(.*)", re.DOTALL)
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})")
SEPARATORS = "\n;&|()"


@dataclass(frozen=True)
class SwiftCommand:
    """One call of `swift rlhf`.

    Attributes:
        arguments: The words after each `--argument`, by its name. A shell variable that the script
            does not set is written as OmegaConf reads it from the environment.
        variables: The shell variables that the script sets.
    """

    arguments: Mapping[str, list[str]]
    variables: Mapping[str, str]

    def one(self, name: str, default: str = "") -> str:
        """Return the first word of an argument."""
        words = self.arguments.get(name) or [default]
        return words[0]

    @property
    def processes(self) -> int:
        """The number of training processes on a node, one per GPU."""
        if number := self.variables.get("NPROC_PER_NODE"):
            return _whole("NPROC_PER_NODE", number)
        devices = self.variables.get("CUDA_VISIBLE_DEVICES", "0")
        return len([each for each in devices.split(",") if each.strip()])

    @property
    def nodes(self) -> int:
        """The number of nodes."""
        return _whole("NNODES", self.variables.get("NNODES", "1"))


def is_swift_command(text: str) -> bool:
    """Return whether a text calls ms-swift."""
    return re.search(r"\bswift[\s/\\]+(cli/)?(rlhf|sft)\b|--rlhf_type\b", text) is not None


def parse_swift_command(text: str, name: str) -> SwiftCommand:
    """Read the only call of `swift rlhf` in a shell script.

    Args:
        text: The script.
        name: Its name, for messages.

    Raises:
        MigrateError: There is no such call, or more than one, or it cannot be read.
    """
    variables: dict[str, str] = {}
    found: list[dict[str, list[str]]] = []
    for words in _commands(text, name):
        words = [_expand(word, variables) for word in words]
        while words and (words[0] == "export" or ASSIGNMENT.fullmatch(words[0])):
            if match := ASSIGNMENT.fullmatch(words.pop(0)):
                variables[match[1]] = match[2]
        if _calls_swift(words):
            found.append(_arguments(words))
    if len(found) != 1:
        raise MigrateError(f"{name}: got {len(found)} calls of `swift rlhf`, expected one")
    return SwiftCommand(found[0], variables)


def _commands(text: str, name: str) -> Iterator[list[str]]:
    """Yield the words of each command."""
    joined = text.replace("\\\n", " ")
    plain = COMMENT_OR_QUOTED.sub(lambda m: "" if m[0].startswith("#") else m[0], joined)
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=SEPARATORS)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    words: list[str] = []
    try:
        for word in lexer:
            if set(word) <= set(SEPARATORS):
                yield words
                words = []
            else:
                words.append(word)
    except ValueError as error:
        raise MigrateError(f"{name}: not a shell script: {error}") from error
    yield words


def _calls_swift(words: list[str]) -> bool:
    calls = any(
        first.rpartition("/")[2] == "swift" and second == "rlhf"
        for first, second in pairwise(words)
    )
    return calls or any(word.endswith("swift/cli/rlhf.py") for word in words)


def _arguments(words: list[str]) -> dict[str, list[str]]:
    """Return the words after each `--argument`; what comes before the first belongs to none."""
    arguments: dict[str, list[str]] = {}
    current: list[str] = []
    start = next(i for i, word in enumerate(words) if "rlhf" in word)
    for word in words[start + 1 :]:
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            current = arguments.setdefault(name.replace("-", "_"), [])
            current += [value] if value else []
        else:
            current.append(word)
    return arguments


def _expand(word: str, variables: Mapping[str, str]) -> str:
    """Replace shell variables by their values, or by what reads them from the environment."""

    def value(match: re.Match[str]) -> str:
        name, default = match[1] or match[2], match[3]
        if name in variables:
            return variables[name]
        return f"${{oc.env:{name}" + (f",{default}" if default else "") + "}"

    return VARIABLE.sub(value, word)


def _whole(name: str, text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise MigrateError(f"`{name}`: got {text!r}, expected a number of 1 or more")
    return int(text)
