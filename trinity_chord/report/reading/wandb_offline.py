"""Reads the offline folders of wandb, without wandb's service or an account.

A ``.wandb`` file is a log in the format of LevelDB: blocks of 32 KiB with records that have a
checksum, a length and a type. The records, joined, are the protocol buffers of
``wandb.proto.wandb_internal_pb2``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from trinity_chord.report.reading.metrics import Reading

FILES = "*.wandb"
FILE_HEADER = 7  # ":W&B", a magic number and the version
RECORD_HEADER = 7  # checksum, length and type
BLOCK = 32 * 1024
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
# The part of a run that Trinity appends to its name in wandb.
ROLES = ("_trainer", "_explorer")


def read_wandb(files: Iterable[Path]) -> Reading:
    """Read the files of a run, usually one of its trainer and one of its explorer."""
    reading = Reading("wandb")
    for path in sorted(files):
        try:
            _read_file(path, reading)
        except Exception as error:  # protobuf raises its own errors for damaged records
            reading.notes.append(f"{path.name} is cut short or damaged: {error}")
    return reading


def run_name(path: Path) -> str:
    """Return the name of the run that a file belongs to, without Trinity's role."""
    for record in _messages(path):
        if record.HasField("run"):
            name: str = record.run.display_name or record.run.run_id
            for role in ROLES:
                name = name.removesuffix(role)
            return "/".join(part for part in (record.run.project, name) if part)
    return path.stem


def _read_file(path: Path, reading: Reading) -> None:
    of_trainer = False
    for record in _messages(path):
        if record.HasField("run"):
            of_trainer = not record.run.display_name.endswith("_explorer")
            config = {item.key: _value(item.value_json) for item in record.run.config.update}
            reading.config = {key: each for key, each in config.items() if key != "_wandb"}
        elif record.HasField("history"):
            keys = [(i.key or "\0".join(i.nested_key), i) for i in record.history.item]
            # Keys of more than one part belong to tables.
            values = {key: _value(item.value_json) for key, item in keys if "\0" not in key}
            step = int(values.pop("_step", record.history.step.num))
            time = values.pop("_timestamp", None)
            values.pop("_runtime", None)
            reading.add(step, values)
            if of_trainer and isinstance(time, (int, float)):
                reading.times[step] = time


def _value(text: str) -> Any:
    """Return a value; wandb writes numbers that are not finite as text."""
    value = json.loads(text)
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value


def _messages(path: Path) -> Iterator[Any]:
    from wandb.proto import wandb_internal_pb2

    made_at_import: Any = wandb_internal_pb2  # its classes
    for data in _records(path):
        yield made_at_import.Record.FromString(data)


def _records(path: Path) -> Iterator[bytes]:
    """Yield each record of a log; one that was not written to its end is left out."""
    content = path.read_bytes()
    if content[:4] != b":W&B":
        raise ValueError("got no wandb log, expected one that starts with ':W&B'")
    position, parts = FILE_HEADER, b""
    while position + RECORD_HEADER <= len(content):
        left = BLOCK - position % BLOCK
        if left < RECORD_HEADER:
            position += left  # padding at the end of a block
            continue
        length = int.from_bytes(content[position + 4 : position + 6], "little")
        kind = content[position + 6]
        start = position + RECORD_HEADER
        if start + length > len(content):
            return
        piece = content[start : start + length]
        position = start + length
        if kind == FULL:
            yield piece
        elif kind == FIRST:
            parts = piece
        elif kind in (MIDDLE, LAST):
            parts += piece
            if kind == LAST:
                yield parts
        else:
            return  # zeros: space that was reserved and not written
