"""Finds problems that also occur in an evaluation set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trinity_chord.data.errors import PrepareError
from trinity_chord.data.files import file_sha256
from trinity_chord.data.place import Place
from trinity_chord.data.readers import READERS
from trinity_chord.data.source import Source
from trinity_chord.data.text import text_key, words

# The columns in which evaluation sets keep the problem; the first that exists is used.
PROBLEM_COLUMNS = ("problem", "question", "prompt", "Problem", "Question", "messages")
ID_COLUMNS = ("id", "ID", "unique_id", "question_id", "url")


class Decontaminator:
    """The problems of evaluation sets.

    A text overlaps with a problem if both have the same ``ngram`` consecutive words, or if the
    whole texts are equal except for case and white space. Only the second rule finds texts with
    fewer words.

    Args:
        paths: Files of evaluation problems, and folders of such files.
        ngram: Number of consecutive words that count as an overlap.

    Attributes:
        ngram: As given.
        sets: Path, SHA-256 and number of problems of each file, and how many of its problems have
            fewer than ``ngram`` words, so that only the whole text can match.

    Raises:
        PrepareError: A path cannot be read, or one of its rows holds no problem.
    """

    def __init__(self, paths: tuple[str, ...], ngram: int) -> None:
        self.ngram = ngram
        self._names: list[str] = []
        self._by_gram: dict[int, int] = {}  # hash of the words -> index in _names
        self._by_key: dict[str, int] = {}
        self.sets = [self._add(file) for path in paths for file in _files(path)]

    def match(self, text: str) -> str | None:
        """Return the name of the evaluation problem that a text overlaps with, or None."""
        index = self._by_key.get(text_key(text))
        if index is not None:
            return self._names[index]
        for gram in self._grams(words(text)):
            if gram in self._by_gram:
                return self._names[self._by_gram[gram]]
        return None

    def _add(self, file: Path) -> dict[str, Any]:
        source = Source(Place(str(file)))
        columns = source.columns()
        column = next((name for name in PROBLEM_COLUMNS if name in columns), None)
        if column is None:
            raise PrepareError(
                f"`--decontaminate`: {file} has the columns {', '.join(columns)}, expected one of "
                f"{', '.join(PROBLEM_COLUMNS)}"
            )
        total = short = 0
        for row in source.rows([column, *ID_COLUMNS]):
            text = " ".join(_texts(row.values.get(column)))
            if row.problem or not text.strip():
                raise PrepareError(f"{row.where}: {row.problem or f'{column} holds no text'}")
            names = (row.values.get(key) for key in ID_COLUMNS)
            name = next((name for name in names if name is not None), f"row {row.number}")
            total += 1
            short += self._add_problem(text, f"{file.name}: {name}")
        return {
            "path": str(file),
            "sha256": file_sha256(file),
            "problems": total,
            "matched_only_whole": short,
        }

    def _add_problem(self, text: str, name: str) -> bool:
        index = len(self._names)
        self._names.append(name)
        self._by_key.setdefault(text_key(text), index)
        short = True
        for gram in self._grams(words(text)):
            self._by_gram.setdefault(gram, index)
            short = False
        return short

    def _grams(self, text: list[str]) -> Iterator[int]:
        for start in range(len(text) - self.ngram + 1):
            yield hash(tuple(text[start : start + self.ngram]))


def _files(path: str) -> list[Path]:
    """Return a file, or all files of a folder in a known format."""
    given = Path(path)
    files = [given] if given.is_file() else sorted(given.rglob("*"))
    files = [file for file in files if file.is_file() and file.suffix in READERS]
    if not files:
        raise PrepareError(
            f"`--decontaminate`: got {path!r}, expected a file or a folder of files in "
            f"{', '.join(READERS)}"
        )
    return files


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of a column: plain text, or the contents of messages, nested or not."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        if value.get("role", "user") == "user":
            yield from _texts(value.get("content"))
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
