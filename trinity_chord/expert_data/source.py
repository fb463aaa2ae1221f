"""Opens an expert set as a ``datasets.Dataset``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import (
    Dataset,
    DatasetBuilder,
    Features,
    Image,
    LargeList,
    List,
    load_dataset_builder,
)
from datasets.exceptions import DatasetsError

from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.fingerprint import digest, file_digest
from trinity_chord.expert_data.json_files import JSON_SUFFIXES, LineIndex, check_json_file
from trinity_chord.expert_data.settings import PATH_EXPECTED, ExpertSet
from trinity_chord.path_hints import list_nearby

BUILDERS = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".arrow": "arrow"}


class ExpertSource:
    """The rows of an expert set before tokenization.

    Opens everything that ``load_dataset(path, name=subset_name, split=split)`` opens, and single
    data files as well.

    Args:
        expert_set: The set.

    Raises:
        ExpertDataError: The path, the split or the subset does not exist, or the files are empty.
    """

    def __init__(self, expert_set: ExpertSet) -> None:
        self._set = expert_set
        self._lines: LineIndex | None = None
        self._builder = _open_builder(expert_set)
        self._files = _local_files(self._builder, expert_set)
        if self._files and not any(file.stat().st_size for file in self._files):
            raise self._empty()

    def fingerprint(self) -> str:
        """Return the fingerprint of the rows: of the files' content, or the commit on the hub."""
        if self._files:
            files = [file_digest(file) for file in self._files]
            return digest([files, self._set.split])
        builder = self._builder
        return digest([builder.repo_id, builder.config.name, builder.hash, self._set.split])

    @property
    def folder(self) -> Path | None:
        """The folder in which the rows' files of images are; None for a dataset on the hub."""
        path = Path(self._set.path)
        if not path.exists():
            return None
        return path if path.is_dir() else path.parent

    def load(self) -> Dataset:
        """Return the rows, memory-mapped; images are not decoded.

        Raises:
            ExpertDataError: Lines are not JSON objects (each is listed with its file and number),
                ``datasets`` cannot read the files, or there are no rows.
        """
        self._check_json_files()
        dataset = self._open()
        if self._lines is not None and self._lines.rows != len(dataset):
            self._lines = None  # A slice of the split: its first line is not known.
        return dataset

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one column of a set that has been loaded before, memory-mapped.

        Args:
            name: The column.

        Returns:
            The values, shape ``[rows]``.

        Raises:
            ExpertDataError: There is no such column.
        """
        dataset = self._open()
        if name not in dataset.column_names:
            raise ExpertDataError(
                f"{self._set}: got {name!r}, expected one of the columns: "
                f"{', '.join(dataset.column_names)}"
            )
        values: pa.ChunkedArray = dataset.with_format("arrow")[name][:]
        return values

    def where(self, row: int) -> str:
        """Return the location of a row: file and line, or path, split and row number."""
        if self._lines is not None:
            return self._lines.where(row)
        return f"{self._set.path} [{self._set.split}], row {row} (counted from 0)"

    def _open(self) -> Dataset:
        try:
            self._builder.download_and_prepare()
            rows = sum(split.num_examples for split in self._builder.info.splits.values())
            dataset = self._builder.as_dataset(split=self._set.split) if rows else None
        except (DatasetsError, OSError, ValueError) as error:
            raise ExpertDataError(_cannot_open(self._set, error)) from error
        if not dataset:
            raise self._empty()
        encoded = _without_decoding(dataset.features)
        return dataset if encoded == dataset.features else dataset.cast(encoded)

    def _check_json_files(self) -> None:
        if not self._files or any(file.suffix not in JSON_SUFFIXES for file in self._files):
            return
        checked = [check_json_file(file) for file in self._files]
        problems = [problem for _, found in checked for problem in found]
        if problems:
            raise ExpertDataError.from_problems(
                f"expert set {self._set.name!r}",
                problems,
                "Fix or remove these lines.",
            )
        in_lines = [
            (file, lines)
            for file, (lines, _) in zip(self._files, checked, strict=True)
            if lines is not None
        ]
        if len(in_lines) == len(self._files):
            self._lines = LineIndex(in_lines)
            if self._lines.rows == 0:
                raise self._empty()

    def _empty(self) -> ExpertDataError:
        files = ", ".join(map(str, self._files)) or self._set.path
        return ExpertDataError(
            f"`{self._set.key('path')}`: got {self._set.path!r}, whose split {self._set.split!r} "
            f"({files}) has no rows; expected at least one row"
        )


def _open_builder(expert_set: ExpertSet) -> DatasetBuilder:
    path = expert_set.path
    if not os.path.exists(path) and _is_certainly_local(path):
        raise ExpertDataError(_missing(expert_set))
    try:
        return load_dataset_builder(**_builder_arguments(expert_set))
    except (DatasetsError, OSError, ValueError) as error:
        text = _cannot_open(expert_set, error) if os.path.exists(path) else _missing(expert_set)
        raise ExpertDataError(text) from error


def _builder_arguments(expert_set: ExpertSet) -> dict[str, Any]:
    path = Path(expert_set.path)
    if not path.is_file():
        return {"path": expert_set.path, "name": expert_set.subset_name}
    if path.suffix not in BUILDERS:
        raise ValueError(f"got the suffix {path.suffix!r}, expected one of {', '.join(BUILDERS)}")
    # A single file serves as any split; "train[:100]" is a slice of "train".
    split = expert_set.split.split("[")[0]
    return {"path": BUILDERS[path.suffix], "data_files": {split: str(path)}}


def _local_files(builder: DatasetBuilder, expert_set: ExpertSet) -> tuple[Path, ...]:
    """Return the files of the split in the order of their rows; none for a hub dataset."""
    by_split = {str(split): files for split, files in (builder.config.data_files or {}).items()}
    requested = re.findall(r"[\w.]+", re.sub(r"\[.*?\]", "", expert_set.split))
    unknown = [split for split in requested if split != "all" and split not in by_split]
    if by_split and unknown:
        raise ExpertDataError(
            f"`{expert_set.key('split')}`: got {expert_set.split!r}, expected one of the splits of "
            f"{expert_set.path!r}: {', '.join(sorted(by_split))}"
        )
    splits = list(by_split) if "all" in requested else requested
    files = [file for split in splits for file in by_split.get(split, ())]
    return tuple(map(Path, files)) if all(map(os.path.isfile, files)) else ()


def _without_decoding(feature: Any) -> Any:
    """Return a copy of features whose images stay bytes or paths: they are checked first."""
    if isinstance(feature, Image):
        return Image(decode=False)
    if isinstance(feature, Features):
        return Features({key: _without_decoding(each) for key, each in feature.items()})
    if isinstance(feature, dict):
        return {key: _without_decoding(each) for key, each in feature.items()}
    if isinstance(feature, List | LargeList):
        return type(feature)(_without_decoding(feature.feature))
    return feature


def _is_certainly_local(path: str) -> bool:
    return not re.fullmatch(r"[\w-][\w.-]*(/[\w.-]+)?", path) or Path(path).suffix in BUILDERS


def _missing(expert_set: ExpertSet) -> str:
    no_download = " and could not be downloaded from the hub"
    return (
        f"`{expert_set.key('path')}`: got {expert_set.path!r}, which does not exist"
        f"{'' if _is_certainly_local(expert_set.path) else no_download}; expected {PATH_EXPECTED}. "
        f"{list_nearby(expert_set.path)}"
    )


def _cannot_open(expert_set: ExpertSet, error: Exception) -> str:
    return (
        f"`{expert_set.key('path')}`: got {expert_set.path!r} (subset_name "
        f"{expert_set.subset_name!r}, split {expert_set.split!r}), which cannot be opened: {error}"
    )
