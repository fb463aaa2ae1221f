"""The folder of a set: complete or absent, and never overwritten."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trinity_chord.data.errors import PrepareError
from trinity_chord.data.files import digest, file_sha256, write_json
from trinity_chord.locks import exclusive

MANIFEST = "manifest.json"
IDENTITY = "identity.json"


def finished(out: Path, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """Return the manifest of the set in a folder, or None if there is no set yet.

    Args:
        out: The folder.
        arguments: The arguments that the set must have been made with.

    Raises:
        PrepareError: The folder holds something else: another set, one that has been changed since,
            or other files.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    manifest = _manifest(out)
    if manifest is None:
        raise PrepareError(
            f"`--out`: got {out}, which exists but is not a prepared set ({MANIFEST} is missing or "
            "not one of ours), expected a new or empty folder. Nothing was written."
        )
    found = manifest["arguments"]
    other = [
        f"{key}: got {arguments[key]!r}, the set has {found.get(key)!r}"
        for key in arguments
        if found.get(key) != arguments[key]
    ]
    if other:
        raise PrepareError.from_problems(
            f"`--out`: {out} holds a set prepared with other arguments",
            other,
            "Nothing was written. Give another folder, or remove this one.",
        )
    changed = [
        f"{output['path']} is missing or differs from the manifest"
        for output in manifest["outputs"].values()
        if not (out / output["path"]).is_file()
        or file_sha256(out / output["path"]) != output["sha256"]
    ]
    if changed:
        raise PrepareError.from_problems(
            f"`--out`: {out} holds a set that was changed after it was prepared",
            changed,
            "Nothing was written. Give another folder, or remove this one.",
        )
    return manifest


@contextmanager
def work_folder(out: Path, identity: dict[str, Any]) -> Iterator[Path]:
    """Yield the hidden folder next to ``out`` in which a set is made.

    The folder stays if the process is stopped, so that a later one with the same identity resumes;
    with another identity it is emptied first. It is removed when the block succeeds, and after a
    `PrepareError`, which would only occur again.

    Args:
        out: The folder of the set.
        identity: Everything that determines the result of a scan.

    Raises:
        PrepareError: Another process is making a set for the same folder.
    """
    folder = out.absolute().parent / f".{out.absolute().name}.preparing"
    folder.mkdir(parents=True, exist_ok=True)
    busy = PrepareError(
        f"`--out`: another process is preparing {out} ({folder} is locked). Wait for it to finish, "
        "or stop it."
    )
    with exclusive(folder / "lock", busy):
        if _read_json(folder / IDENTITY) != {"digest": digest(identity)}:
            _empty(folder)
            write_json(folder / IDENTITY, {"digest": digest(identity)})
        try:
            yield folder
        except PrepareError:
            shutil.rmtree(folder)
            raise
        shutil.rmtree(folder)


def fresh(folder: Path) -> Path:
    """Return a new empty folder; remove what an interrupted process left there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def publish(made: Path, out: Path) -> None:
    """Move a finished folder to its place in one step.

    Raises:
        PrepareError: Something else was put there in the meantime.
    """
    try:
        os.replace(made, out)
    except OSError as error:
        raise PrepareError(
            f"`--out`: {out} cannot be created: {error}; give another folder"
        ) from error


def _manifest(out: Path) -> dict[str, Any] | None:
    found = _read_json(out / MANIFEST)
    ours = isinstance(found, dict) and {"arguments", "outputs", "filters"} <= {*found}
    return found if ours else None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError, UnicodeDecodeError):
        return None


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != "lock":
            entry.unlink()
