"""Opens an expert set as a ``datasets.Dataset``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset, DatasetBuilder, load_dataset_builder
from datasets.exceptions import DatasetsError

from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.fingerprint import digest, file_digest
from trinity_chord.expert_data.json_lines import JSON_SUFFIXES, LineIndex, check_json_file
from trinity_chord.expert_data.settings import PATH_WANTED, ExpertSet
from trinity_chord.path_hints import neighbours

BUILDERS = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".arrow": "arrow"}


class ExpertSource:
    """The rows of an expert set as they were written.

    What ``load_dataset(path, name=subset_name, split=split)`` opens is opened in the same way; the
    path of a single data file works too.

    Args:
        expert_set: The set.

    Raises:
        ExpertDataError: The path, the split or the subset is not there, or the files hold nothing.
    """

    def __init__(self, expert_set: ExpertSet) -> None:
        self._set = expert_set
        self._lines: LineIndex | None = None
        self._builder = _open_builder(expert_set)
        self._files = _local_files(self._builder, expert_set)
        if self._files and not any(file.stat().st_size for file in self._files):
            raise self._empty()

    def fingerprint(self) -> str:
        """Return the fingerprint of the rows: of the files' content, or of the hub's commit."""
        if self._files:
            files = [file_digest(file) for file in self._files]
            return digest([files, self._set.split])
        builder = self._builder
        return digest([builder.repo_id, builder.config.name, builder.hash, self._set.split])

    def load(self) -> Dataset:
        """Return the rows, memory-mapped.

        Raises:
            ExpertDataError: A line is not a JSON object (each with file and line), the library
                cannot read the files, or there is no row.
        """
        self._check_json_files()
        dataset = self._open()
        if self._lines is not None and self._lines.rows != len(dataset):
            self._lines = None  # A slice of the split: the lines before it are not known.
        return dataset

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one column of the rows, memory-mapped, of a set that has been loaded before.

        Raises:
            ExpertDataError: There is no such column.
        """
        dataset = self._open()
        if name not in dataset.column_names:
            raise ExpertDataError(
                f"{name!r} is not a column of expert set {self._set.name!r} ({self._set.path}). "
                f"The columns are: {', '.join(dataset.column_names)}. Set the key to one of them."
            )
        return dataset.with_format("arrow")[name][:]

    def where(self, row: int) -> str:
        """Return where a row stands: file and line, or path, split and row number."""
        if self._lines is not None:
            return self._lines.where(row)
        return f"{self._set.path} [{self._set.split}], row {row} (counted from 0)"

    def _open(self) -> Dataset:
        try:
            self._builder.download_and_prepare()
            held = sum(split.num_examples for split in self._builder.info.splits.values())
            dataset = self._builder.as_dataset(split=self._set.split) if held else None
        except (DatasetsError, OSError, ValueError) as error:
            raise ExpertDataError(_cannot_open(self._set, error)) from error
        if not dataset:
            raise self._empty()
        return dataset

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
            f"expert set {self._set.name!r}: {self._set.key('path')} is {self._set.path!r}, and "
            f"its split {self._set.split!r} ({files}) holds no row. Give data with at least one "
            "row."
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
        raise ValueError(f"its suffix is {path.suffix!r}, expected one of {', '.join(BUILDERS)}")
    # A single file is whatever split is asked for; "train[:100]" is a slice of "train".
    split = expert_set.split.split("[")[0]
    return {"path": BUILDERS[path.suffix], "data_files": {split: str(path)}}


def _local_files(builder: DatasetBuilder, expert_set: ExpertSet) -> tuple[Path, ...]:
    """Return the files of the asked split in the order of their rows; none for a hub dataset."""
    by_split = {str(split): files for split, files in (builder.config.data_files or {}).items()}
    asked = re.findall(r"[\w.]+", re.sub(r"\[.*?\]", "", expert_set.split))
    unknown = [split for split in asked if split != "all" and split not in by_split]
    if by_split and unknown:
        raise ExpertDataError(
            f"expert set {expert_set.name!r}: {expert_set.key('split')} is {expert_set.split!r}, "
            f"but {expert_set.path!r} has only the splits {sorted(by_split)}"
        )
    splits = list(by_split) if "all" in asked else asked
    files = [file for split in splits for file in by_split.get(split, ())]
    return tuple(map(Path, files)) if all(map(os.path.isfile, files)) else ()


def _is_certainly_local(path: str) -> bool:
    return not re.fullmatch(r"[\w-][\w.-]*(/[\w.-]+)?", path) or Path(path).suffix in BUILDERS


def _missing(expert_set: ExpertSet) -> str:
    not_hub = "" if _is_certainly_local(expert_set.path) else ", nor can it be had from the hub"
    return (
        f"expert set {expert_set.name!r}: {expert_set.key('path')} is {expert_set.path!r}, which "
        f"does not exist{not_hub}. {neighbours(expert_set.path)} Wanted: {PATH_WANTED}."
    )


def _cannot_open(expert_set: ExpertSet, error: Exception) -> str:
    return (
        f"expert set {expert_set.name!r}: {expert_set.key('path')} is {expert_set.path!r} "
        f"(subset_name {expert_set.subset_name!r}, split {expert_set.split!r}) and cannot be "
        f"opened: {error}"
    )
