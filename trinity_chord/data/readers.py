"""Reads one file: rows with their numbers, one batch in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trinity_chord.data.errors import PrepareError
from trinity_chord.json_lines import numbered_lines, parse_json

BATCH_ROWS = 64
BUFFER = 1 << 20  # bytes read ahead per column; without it, whole column chunks are read
RowFilter = Callable[[int], bool]


@dataclass(frozen=True)
class Row:
    """One row of a source.

    Attributes:
        number: Its number in the source, from 0.
        where: File and line, or file and row number, for error messages.
        values: The values by column; empty if there is a problem.
        problem: Why the row cannot be read, or None.
    """

    number: int
    where: str
    values: dict[str, Any]
    problem: str | None = None


def read_json(file: Path, start: int, columns: list[str], keep: RowFilter) -> Iterator[Row]:
    """Yield the rows of JSON lines, or of a ``.json`` file that holds one array (read at once)."""
    if _is_array(file):
        for place, value in enumerate(_load_array(file)):
            if keep(start + place):
                yield _json_row(start + place, f"{file}, item {place} (from 0)", value)
        return
    for place, (line_number, line) in enumerate(numbered_lines(file)):
        if not keep(start + place):
            continue
        where = f"{file}, line {line_number}"
        try:
            value = parse_json(line)
        except ValueError as error:
            yield Row(start + place, where, {}, str(error))
        else:
            yield _json_row(start + place, where, value)


def read_parquet(file: Path, start: int, columns: list[str], keep: RowFilter) -> Iterator[Row]:
    """Yield the rows of a Parquet file, in batches even if its row groups are large."""
    with pq.ParquetFile(file, buffer_size=BUFFER, pre_buffer=False) as opened:
        present = [column for column in columns if column in opened.schema_arrow.names]
        batches = opened.iter_batches(BATCH_ROWS, columns=present)
        yield from _arrow_rows(file, start, batches, keep)


def read_arrow(file: Path, start: int, columns: list[str], keep: RowFilter) -> Iterator[Row]:
    """Yield the rows of an Arrow file as ``save_to_disk`` writes it."""
    with _arrow_batches(file) as (names, batches):
        present = [column for column in columns if column in names]
        parts = (
            batch.select(present).slice(offset, BATCH_ROWS)
            for batch in batches
            for offset in range(0, batch.num_rows, BATCH_ROWS)
        )
        yield from _arrow_rows(file, start, parts, keep)


READERS = {
    ".jsonl": read_json,
    ".json": read_json,
    ".parquet": read_parquet,
    ".arrow": read_arrow,
}


def count_rows(file: Path) -> int:
    """Return the number of rows of a file."""
    if file.suffix == ".parquet":
        with pq.ParquetFile(file) as opened:
            return int(opened.metadata.num_rows)
    if file.suffix == ".arrow":
        with _arrow_batches(file) as (_, batches):
            return sum(batch.num_rows for batch in batches)
    if _is_array(file):
        return len(_load_array(file))
    return sum(1 for _ in numbered_lines(file))


def columns_of(file: Path) -> list[str] | None:
    """Return the columns of a file's first row, or None if it has no rows.

    Raises:
        PrepareError: The file is broken, or its first row is not an object.
    """
    if file.suffix == ".parquet":
        with pq.ParquetFile(file) as opened:
            return opened.schema_arrow.names if opened.metadata.num_rows else None
    if file.suffix == ".arrow":
        with _arrow_batches(file) as (names, batches):
            return names if any(batch.num_rows for batch in batches) else None
    for row in read_json(file, 0, [], lambda number: number == 0):
        if row.problem:
            raise PrepareError(f"{row.where}: {row.problem}")
        return list(row.values)
    return None


@contextmanager
def readable(file: Path) -> Iterator[None]:
    """Turn a library's error about a broken file into one with the file's name.

    Raises:
        PrepareError: The file cannot be read.
    """
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise PrepareError(f"{file} cannot be read: {error}") from error


def _json_row(number: int, where: str, value: Any) -> Row:
    if isinstance(value, dict):
        return Row(number, where, value)
    return Row(number, where, {}, f"got a JSON {type(value).__name__}, expected an object")


def _is_array(file: Path) -> bool:
    if file.suffix != ".json":
        return False
    first = next(numbered_lines(file), (0, b""))[1].lstrip()
    return first.startswith(b"[")


def _load_array(file: Path) -> list[Any]:
    try:
        array: list[Any] = parse_json(file.read_bytes())
        return array
    except ValueError as error:
        raise PrepareError(f"{file}: {error}") from error


def _arrow_rows(
    file: Path, start: int, batches: Iterable[pa.RecordBatch], keep: RowFilter
) -> Iterator[Row]:
    first = start
    for batch in batches:
        picked = [place for place in range(batch.num_rows) if keep(first + place)]
        chosen = batch.take(pa.array(picked, pa.int64())) if picked else batch.slice(0, 0)
        for place, values in zip(picked, chosen.to_pylist(), strict=True):
            number = first + place
            yield Row(number, f"{file}, row {number - start} (from 0)", values)
        first += batch.num_rows


@contextmanager
def _arrow_batches(file: Path) -> Iterator[tuple[list[str], Iterable[pa.RecordBatch]]]:
    """Open an Arrow stream (``save_to_disk``) or Arrow file; yield its columns and batches."""
    with pa.OSFile(str(file)) as opened:
        try:
            stream = pa.ipc.open_stream(opened)
        except pa.ArrowInvalid:
            opened.seek(0)
            whole = pa.ipc.open_file(opened)
            yield whole.schema.names, map(whole.get_batch, range(whole.num_record_batches))
        else:
            yield stream.schema.names, stream
