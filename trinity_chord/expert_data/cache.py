"""The token cache: each row is encoded once, into an Arrow file that later processes map."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from tqdm import tqdm

from trinity_chord.errors import LISTED
from trinity_chord.expert_data.checks import RowCheck, check_format, read_columns, row_check
from trinity_chord.expert_data.encode import RowEncoder
from trinity_chord.expert_data.encoded import FEATURES, EncodedSet, content_digest, open_encoded
from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.fingerprint import digest, processor_digest, tokenizer_digest
from trinity_chord.expert_data.settings import ExpertSet
from trinity_chord.expert_data.source import ExpertSource
from trinity_chord.images import same_files
from trinity_chord.versions import installed_version

LAYOUT = 2  # Raise it when the meaning of the cached columns changes.
ENCODING_PACKAGES = ("trinity-rft", "transformers", "tokenizers", "jinja2")
IMAGE_PACKAGES = ("pillow", "torchvision")  # torchvision may be missing.
ENCODING_KEYS = (
    "messages_key",
    "prompt_key",
    "response_key",
    "system_prompt_key",
    "system_prompt",
    "tools_key",
    "image_key",
    "enable_concatenated_multi_turn",
    "chat_template",
    "enable_thinking",
)
WRITE_ROWS = 256  # Rows in memory while they are encoded.
WRITE_IMAGE_ROWS = 16  # The same for a model that reads images.


def encoded_rows(
    expert_set: ExpertSet, tokenizer_path: str, cache_dir: Path, thoughts: str
) -> EncodedSet:
    """Return the tokens of a set, from the cache or encoded now.

    The cache's key covers the rows' content, the tokenizer, the format and the versions of the
    packages that encode. It does not cover ``max_model_len``, which is applied later. Files of
    images to which the rows refer are compared with those that were encoded.

    Args:
        expert_set: The set.
        tokenizer_path: Folder or hub id of the tokenizer.
        cache_dir: Folder of the cache; created if missing.
        thoughts: `keep` or `drop`; see `StreamSettings`.

    Raises:
        ExpertDataError: The set cannot be opened, or some of its rows cannot be used.
    """
    source = ExpertSource(expert_set)
    encoder = RowEncoder(expert_set, tokenizer_path, source.folder, thoughts)
    key = _cache_key(source, encoder, expert_set, thoughts)
    arrow, note = cache_dir / f"{key}.arrow", cache_dir / f"{key}.json"
    content = _cached_content(arrow, note, source.folder)
    if content is not None:
        return EncodedSet(open_encoded(arrow), content, from_cache=True)
    cache_dir.mkdir(parents=True, exist_ok=True)
    _encode_to(arrow, source, encoder, expert_set)
    rows = open_encoded(arrow)
    content = content_digest(rows)
    entry = {"set": expert_set.name, "content": content, "bytes": arrow.stat().st_size}
    _write_note(note, {**entry, "image_files": encoder.images.files if encoder.images else {}})
    return EncodedSet(rows, content, from_cache=False)


def _cache_key(
    source: ExpertSource, encoder: RowEncoder, expert_set: ExpertSet, thoughts: str
) -> str:
    form = expert_set.format
    return digest(
        {
            "layout": LAYOUT,
            "source": source.fingerprint(),
            "tokenizer": tokenizer_digest(encoder.processor_or_tokenizer),
            "prompt_type": form.prompt_type.value,
            "thoughts": thoughts,
            "format": {key: getattr(form, key) for key in ENCODING_KEYS},
            "versions": {package: version(package) for package in ENCODING_PACKAGES},
            "images": None if encoder.images is None else _image_processing(encoder),
        }
    )


def _image_processing(encoder: RowEncoder) -> dict[str, Any]:
    """Return everything besides its file that an image's tensors depend on."""
    return {
        "processor": processor_digest(encoder.processor_or_tokenizer),
        "versions": {package: installed_version(package) for package in IMAGE_PACKAGES},
    }


def _cached_content(arrow: Path, note: Path, folder: Path | None) -> str | None:
    """Return the content fingerprint of a complete cache entry, None if there is no such entry.

    The note is written last and holds the size of the Arrow file, so that an interrupted write or
    copy is not mistaken for a complete entry. It also holds the fingerprints of image files.
    """
    if not (arrow.is_file() and note.is_file()):
        return None
    entry = json.loads(note.read_text(encoding="utf-8"))
    content: str = entry["content"]
    complete = entry["bytes"] == arrow.stat().st_size
    return content if complete and same_files(folder, entry["image_files"]) else None


def _encode_to(
    arrow: Path, source: ExpertSource, encoder: RowEncoder, expert_set: ExpertSet
) -> None:
    """Check and encode all rows of a set; the file appears only once it is complete."""
    rows = source.load()
    check_format(expert_set, rows.column_names, reads_images=encoder.images is not None)
    columns = read_columns(expert_set.format, rows.column_names)
    check = row_check(expert_set.format, encoder.images)
    progress = tqdm(rows, desc=f"Checking expert set {expert_set.name}", total=len(rows))
    _raise_if_any(_structural_problems(progress, columns, check), source, expert_set)
    numbers = Dataset.from_dict({"row": np.arange(len(rows))})
    unfinished = arrow.with_suffix(f".{uuid.uuid4().hex}.unfinished")
    try:
        numbers.map(
            lambda number: encoder(_only(rows.at(number["row"]), columns), number["row"]),
            remove_columns=["row"],
            features=FEATURES,
            cache_file_name=str(unfinished),
            load_from_cache_file=False,
            writer_batch_size=WRITE_ROWS if encoder.images is None else WRITE_IMAGE_ROWS,
            new_fingerprint=uuid.uuid4().hex,
            desc=f"Tokenizing expert set {expert_set.name}",
        )
        _raise_if_any(_grouped(encoder.problems), source, expert_set)
        os.replace(unfinished, arrow)
    finally:
        unfinished.unlink(missing_ok=True)


def _structural_problems(
    rows: Iterable[dict[str, Any]], columns: Sequence[str], check: RowCheck
) -> Iterator[tuple[int, str]]:
    for number, row in enumerate(rows):
        problem = check(_only(row, columns))
        if problem:
            yield number, problem


def _only(row: dict[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    return {column: row[column] for column in columns}


def _raise_if_any(
    problems: Iterable[tuple[int, str]], source: ExpertSource, expert_set: ExpertSet
) -> None:
    listed: list[str] = []
    total = 0
    for row, problem in problems:
        total += 1
        if total <= LISTED:
            listed.append(f"{source.where(row)}: {problem}")
    if total:
        raise ExpertDataError.from_problems(
            f"expert set {expert_set.name!r}", listed, "Fix or remove these rows.", total=total
        )


def _grouped(problems: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    """Yield the first row of each problem; one that many rows share has one cause."""
    rows: dict[str, list[int]] = {}
    for row, text in problems.items():
        rows.setdefault(text, []).append(row)
    for text, sharing in rows.items():
        if len(sharing) > LISTED:
            yield sharing[0], f"{text} (as in {len(sharing) - 1:,} other rows)"
        else:
            yield from ((row, text) for row in sharing)


def _write_note(note: Path, entry: dict[str, Any]) -> None:
    unfinished = note.with_suffix(f".{uuid.uuid4().hex}.unfinished")
    unfinished.write_text(json.dumps(entry), encoding="utf-8")
    os.replace(unfinished, note)
