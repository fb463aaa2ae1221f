"""Reads rows from a dataset of the hub, a folder or a file, with bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from trinity_chord.data.errors import PrepareError, first_line
from trinity_chord.data.files import file_sha256
from trinity_chord.data.place import Place
from trinity_chord.data.readers import READERS, Row, RowFilter, columns_of, count_rows, readable
from trinity_chord.path_hints import LISTED, list_nearby

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
HUB_SECONDS = 10.0
EXPECTED = (
    "a hub id such as 'open-r1/OpenR1-Math-220k', a folder, or a file ending in "
    + ", ".join(READERS)
)


class Source:
    """The rows of a place.

    Args:
        place: The place. A hub dataset is downloaded into the cache of ``datasets``.

    Attributes:
        place: As given.
        files: The files of the split, in the order of their rows.
        revision: The commit of a hub dataset; None for local files.

    Raises:
        PrepareError: The place does not exist, cannot be reached or has no file in a known format.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.revision: str | None = None
        path = Path(place.path)
        if path.is_file():
            self.files = [path]
        elif path.is_dir():
            self.files = _files_of_folder(path, place)
        else:
            self.revision, self.files = _download(place)
        unknown = sorted({file.name for file in self.files if file.suffix not in READERS})
        if unknown or not self.files:
            found = ", ".join(unknown[:LISTED]) or "no file"
            raise PrepareError(
                f"source {place}: got {found}, expected files in {', '.join(READERS)}"
            )

    def columns(self) -> list[str]:
        """Return the columns of the first row.

        Raises:
            PrepareError: There are no rows, or the first one cannot be read.
        """
        for file in self.files:
            with readable(file):
                columns = columns_of(file)
            if columns is not None:
                return columns
        raise PrepareError(f"source {self.place} has no rows")

    @cached_property
    def counts(self) -> list[int]:
        """The number of rows of each file."""
        counts = []
        for file in self.files:
            with readable(file):
                counts.append(count_rows(file))
        return counts

    def rows(self, columns: list[str], keep: RowFilter = lambda row: True) -> Iterator[Row]:
        """Yield the rows in order; memory does not grow with the source.

        Args:
            columns: The columns to read; those that a file lacks are left out.
            keep: Whether to yield the row with a number in the source (from 0).

        Raises:
            PrepareError: A file cannot be read.
        """
        start = 0
        for file, count in zip(self.files, self.counts, strict=True):
            with readable(file):
                yield from READERS[file.suffix](file, start, columns, keep)
            start += count

    def fingerprint(self) -> list[dict[str, Any]]:
        """Return name, size and SHA-256 of each file, which reads all of them once."""
        return [
            {"name": file.name, "bytes": file.stat().st_size, "sha256": file_sha256(file)}
            for file in self.files
        ]


def _files_of_folder(folder: Path, place: Place) -> list[Path]:
    """Return the files that ``load_dataset`` or ``load_from_disk`` would read."""
    from datasets import load_dataset_builder

    for saved in (folder / place.split, folder):
        if (saved / "state.json").is_file():
            return sorted(saved.glob("*.arrow"))
    try:
        builder = load_dataset_builder(str(folder), name=place.subset)
    except Exception as error:  # datasets raises many unrelated classes
        raise PrepareError(f"source {place} cannot be opened: {first_line(error)}") from error
    return [Path(file) for file in _of_split(builder, place)]


def _of_split(builder: Any, place: Place) -> list[str]:
    by_split = {str(split): files for split, files in (builder.config.data_files or {}).items()}
    if place.split not in by_split:
        raise PrepareError(
            f"source {place.path!r}: got the split {place.split!r}, expected one of "
            f"{', '.join(sorted(by_split))}; name it with --split"
        )
    return [str(file) for file in by_split[place.split]]


def _download(place: Place) -> tuple[str | None, list[Path]]:
    """Download the files of a hub dataset once; return its commit and the local files."""
    if not HUB_ID.fullmatch(place.path) or Path(place.path).suffix in READERS:
        raise PrepareError(_missing(place))
    import datasets
    from huggingface_hub import HfApi

    try:
        found = HfApi().dataset_info(place.path, revision=place.revision, timeout=HUB_SECONDS)
        builder = datasets.load_dataset_builder(place.path, name=place.subset, revision=found.sha)
        urls = _of_split(builder, place)
        local = datasets.DownloadManager(dataset_name=place.path).download(list(urls))
    except PrepareError:
        raise
    except Exception as error:  # the hub, the network and datasets raise unrelated classes
        raise PrepareError(
            f"source {place}: there is no such file or folder, and it could not be downloaded from "
            f"the hub ({first_line(error)}). Download it on a machine with a network and give its "
            "folder."
        ) from error
    return found.sha, list(map(Path, local))


def _missing(place: Place) -> str:
    return f"source {place} does not exist. {list_nearby(place.path)} Expected: {EXPECTED}."
