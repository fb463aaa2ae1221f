"""Opens an expert set: JSON files as they are written, all else with ``datasets``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import (
    DatasetBuilder,
    Features,
    Image,
    LargeList,
    List,
    load_dataset_builder,
)
from datasets.exceptions import DatasetsError

from trinity_chord.errors import root_cause
from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.fingerprint import digest, file_digest
from trinity_chord.expert_data.json_files import GZIP, json_suffix, open_json
from trinity_chord.expert_data.row_tables import ArrowTable, JsonTable, RowTable
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
        self._rows: RowTable | None = None
        self._builder = _open_builder(expert_set)
        self._splits = _local_files(self._builder, expert_set)
        self._files = [file for files in self._splits.values() for file in files]
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

    def load(self) -> RowTable:
        """Return the rows; nothing is read twice, and images are not decoded.

        Raises:
            ExpertDataError: Lines are not JSON objects (each is listed with its file and number),
                ``datasets`` cannot read the files, or there are no rows.
        """
        if self._rows is None:
            is_json = self._files and all(map(json_suffix, self._files))
            self._rows = self._read_json() if is_json else self._read_dataset()
            if not len(self._rows):
                raise self._empty()
        return self._rows

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one column.

        Args:
            name: The column.

        Returns:
            The values, shape ``[rows]``.

        Raises:
            ExpertDataError: There is no such column, or its values have no common type.
        """
        rows = self.load()
        if name not in rows.column_names:
            raise ExpertDataError(
                f"{self._set}: got {name!r}, expected one of the columns: "
                f"{', '.join(rows.column_names)}"
            )
        try:
            return rows.column(name)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ExpertDataError(
                f"{self._set}: column {name!r}: got values of several types, expected one: {error}"
            ) from error

    def where(self, row: int) -> str:
        """Return the location of a row: file and line, or path, split and row number."""
        place = None if self._rows is None else self._rows.where(row)
        return place or f"{self._set.path} [{self._set.split}], row {row} (counted from 0)"

    def _read_json(self) -> RowTable:
        opened = {
            split: [open_json(file) for file in files] for split, files in self._splits.items()
        }
        problems = [text for files in opened.values() for file in files for text in file.problems]
        if problems:
            raise ExpertDataError.from_problems(
                f"expert set {self._set.name!r}", problems, "Fix or remove these lines."
            )
        return JsonTable(opened, self._set.split)

    def _read_dataset(self) -> RowTable:
        try:
            self._builder.download_and_prepare()
            rows = sum(split.num_examples for split in self._builder.info.splits.values())
            dataset = self._builder.as_dataset(split=self._set.split) if rows else None
        except (DatasetsError, OSError, ValueError) as error:
            raise ExpertDataError(_cannot_open(self._set, error)) from error
        if not dataset:
            raise self._empty()
        mixed = [name for name, kind in dataset.features.items() if "Json(" in repr(kind)]
        if mixed:
            raise ExpertDataError(
                f"{self._set}: got values of several types in {', '.join(map(repr, mixed))}, which "
                "`datasets` does not keep as they are; write the rows as .jsonl or .jsonl.gz files"
            )
        encoded = _without_decoding(dataset.features)
        return ArrowTable(dataset if encoded == dataset.features else dataset.cast(encoded))

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
    suffix = json_suffix(path) or path.suffix
    if suffix not in BUILDERS:
        raise ValueError(f"got the suffix {path.suffix!r}, expected one of {', '.join(BUILDERS)}")
    # A single file serves as any split; "train[:100]" is a slice of "train".
    split = expert_set.split.split("[")[0]
    return {"path": BUILDERS[suffix], "data_files": {split: str(path)}}


def _local_files(builder: DatasetBuilder, expert_set: ExpertSet) -> dict[str, list[Path]]:
    """Return the files of each split in the order of their rows; none for a hub dataset."""
    by_split = {str(split): files for split, files in (builder.config.data_files or {}).items()}
    requested = re.findall(r"[\w.]+", re.sub(r"\[.*?\]", "", expert_set.split))
    unknown = [split for split in requested if split != "all" and split not in by_split]
    if by_split and unknown:
        raise ExpertDataError(
            f"`{expert_set.key('split')}`: got {expert_set.split!r}, expected one of the splits of "
            f"{expert_set.path!r}: {', '.join(sorted(by_split))}"
        )
    splits = list(by_split) if "all" in requested else requested
    files = {split: list(map(Path, by_split.get(split, ()))) for split in splits}
    is_local = all(file.is_file() for each in files.values() for file in each)
    return files if is_local else {}


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
    return not re.fullmatch(r"[\w-][\w.-]*(/[\w.-]+)?", path) or Path(path).suffix in (
        *BUILDERS,
        GZIP,
    )


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
        f"{expert_set.subset_name!r}, split {expert_set.split!r}), which cannot be opened: "
        f"{_reason(error)}"
    )


def _reason(error: Exception) -> str:
    """Return an error with its cause, which the errors of ``datasets`` do not name."""
    generic = isinstance(error, DatasetsError) and error.__cause__ is not None
    return f"{error} ({root_cause(error)})" if generic else str(error)
