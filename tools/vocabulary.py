"""Find phrases that this project's English avoids, and print what to write instead.

Run: python -m tools.vocabulary [FILE ...]

codespell corrects words; the phrases here are spelled well but archaic or unclear. They are looked
for in Markdown, configurations, docstrings, comments and string literals, and in the names of
tests. Code, `inline code` and the string literals of tests are left alone.
"""

from __future__ import annotations

import re
import sys
import tokenize
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from tools.phrases import PHRASES

ROOT = Path(__file__).parents[1]
FOLDERS = (
    ".github",
    "benchmarks",
    "configs",
    "docs",
    "examples",
    "requirements",
    "tests",
    "tools",
    "trinity_chord",
)
SUFFIXES = (".cff", ".jinja", ".md", ".py", ".toml", ".txt", ".yaml", ".yml")
# These quote the phrases.
EXEMPT = ("tools/phrases.py", "tests/style/test_vocabulary.py")
# Stands for code: no phrase reaches across it.
CODE = "¦"
BEFORE_A_DOCSTRING = (tokenize.ENCODING, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
# f-strings are tokens of this name from Python 3.12 on.
LITERALS = ("STRING", "FSTRING_MIDDLE")
OPENING = re.compile(r"""([a-zA-Z]*)(\"{3}|'{3}|"|')""")


def main(arguments: list[str]) -> int:
    """Print the findings in the given files, or in the repository; return the exit code."""
    paths = [Path(name).resolve() for name in arguments] or _files_of_the_repository()
    findings = [finding for path in paths if is_checked(path) for finding in check(path)]
    print("\n".join(findings) or "vocabulary: no findings")
    return 1 if findings else 0


def is_checked(path: Path) -> bool:
    """Return whether the English of a file is checked."""
    relative = path.relative_to(ROOT)
    if relative.as_posix() in EXEMPT:
        return False
    if relative.parts[0] == "tests":
        return path.suffix == ".py"
    return path.suffix in SUFFIXES or path.name == "Makefile"


def check(path: Path) -> list[str]:
    """Return one line per finding in a file, in the order of its lines."""
    relative = path.relative_to(ROOT)
    prose = prose_of(path.read_text(encoding="utf-8"), path.suffix, relative.parts[0] == "tests")
    return [f"{relative}:{line}: {text!r}: write {instead}" for line, text, instead in find(prose)]


def find(prose: str) -> list[tuple[int, str, str]]:
    """Return line, text and replacement of each phrase in a text, in the order of the lines."""
    text, lines = _unwrapped(prose)
    return sorted(
        (lines[match.start()], match.group().strip(), phrase.instead)
        for phrase in PHRASES
        for match in phrase.pattern.finditer(text)
    )


def prose_of(source: str, suffix: str, is_test: bool = False) -> str:
    """Return a file's text with everything that is not prose masked, line for line.

    Args:
        source: The content of the file.
        suffix: The file's suffix, such as ``.py``.
        is_test: Whether string literals are data, and the names of tests are prose.
    """
    if suffix == ".py":
        prose = _prose_of_python(source, is_test)
    elif suffix == ".md":
        prose = source
    else:
        prose = re.sub(r"^(\s*)#+", r"\1", source, flags=re.MULTILINE)
    return re.sub(r"(`+)[^`\n]+\1", CODE, prose)


def _files_of_the_repository() -> list[Path]:
    inside = [path for name in FOLDERS for path in (ROOT / name).rglob("*")]
    return sorted(path for path in [*inside, *ROOT.iterdir()] if path.is_file())


def _prose_of_python(source: str, is_test: bool) -> str:
    lines = source.splitlines(keepends=True)
    starts = [0, *accumulate(map(len, lines))]
    masked = list(re.sub(r"\S", CODE, source))
    for kind, (row, column), (last_row, last_column) in _tokens(lines, is_test):
        start, end = starts[row - 1] + column, starts[last_row - 1] + last_column
        masked[start:end] = _words(kind, source[start:end])
    return "".join(masked)


def _tokens(
    lines: list[str], is_test: bool
) -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    """Yield kind, start and end of each token that is prose."""
    previous = tokenize.TokenInfo(tokenize.ENCODING, "", (0, 0), (0, 0), "")
    for token in tokenize.generate_tokens(iter(lines).__next__):
        kind = tokenize.tok_name[token.type]
        is_docstring = previous.type in BEFORE_A_DOCSTRING
        if kind == "COMMENT" or (kind in LITERALS and (is_docstring or not is_test)):
            yield kind, token.start, token.end
        if is_test and previous.string == "def" and token.string.startswith("test_"):
            yield "NAME", token.start, token.end
        if kind not in ("COMMENT", "NL"):
            previous = token


def _words(kind: str, text: str) -> str:
    """Return the words of a token, of the same length as the token."""
    if kind == "COMMENT":
        return text.replace("#", " ")
    if kind == "NAME":
        return text.replace("_", " ")
    text = text.replace("\\n", "  ")
    opening = OPENING.match(text) if kind == "STRING" else None
    if opening is None:
        return text
    prefix, quotes = opening.groups()
    inner = text[opening.end() : -len(quotes)]
    if "f" in prefix.lower():
        inner = re.sub(r"\{[^{}]*\}", lambda match: CODE * len(match.group()), inner)
    return " " * opening.end() + inner + " " * len(quotes)


def _unwrapped(prose: str) -> tuple[str, list[int]]:
    """Return a text with every run of white space as one space, and the line of each character."""
    text, lines, line = "", [], 1
    for piece in re.findall(r"\s+|\S+", prose):
        shown = " " if piece.isspace() else piece
        text += shown
        lines += [line] * len(shown)
        line += piece.count("\n")
    return text, lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
