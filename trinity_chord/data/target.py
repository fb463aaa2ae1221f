"""The folder of a set: never written over, whole or not there."""

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
    """Returns the manifest of the set in a folder, None where there is no set yet.

    Args:
        out: The folder.
        arguments: What the set must have been made by.

    Raises:
        PrepareError: The folder holds something else: another set, one that was changed since, or
            other files.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    manifest = _manifest(out)
    if manifest is None:
        raise PrepareError(
            f"--out is {out}, which exists and holds no prepared set ({MANIFEST} is not there or "
            "is not one of ours). Nothing was written. Give another folder."
        )
    found = manifest["arguments"]
    other = [
        f"{key} was {found.get(key)!r} and is {arguments[key]!r} now"
        for key in arguments
        if found.get(key) != arguments[key]
    ]
    if other:
        raise PrepareError.from_problems(
            f"--out is {out}, which holds a set that was made by other arguments",
            other,
            "Nothing was written. Give another folder, or remove this one.",
        )
    changed = [
        f"{output['path']} is not the file that was written"
        for output in manifest["outputs"].values()
        if not (out / output["path"]).is_file()
        or file_sha256(out / output["path"]) != output["sha256"]
    ]
    if changed:
        raise PrepareError.from_problems(
            f"--out is {out}, which holds a set that was changed since it was prepared",
            changed,
            "Nothing was written. Give another folder, or remove this one.",
        )
    return manifest


@contextmanager
def work_folder(out: Path, identity: dict[str, Any]) -> Iterator[Path]:
    """Yields the hidden folder beside ``out`` in which a set is made.

    It is kept when the process is stopped, so that a later one with the same identity goes on;
    one of another identity is emptied first. It goes with the block's success, and with a
    `PrepareError`: what caused that would only come again.

    Args:
        out: The folder of the set.
        identity: All that decides what a scan finds.

    Raises:
        PrepareError: Another process is making a set for the same folder.
    """
    folder = out.absolute().parent / f".{out.absolute().name}.preparing"
    folder.mkdir(parents=True, exist_ok=True)
    busy = PrepareError(
        f"--out is {out}, which another process is preparing ({folder} is locked). Let it "
        "finish, or stop it."
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
    """Returns a folder that is there and empty; what an interrupted process left goes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def publish(made: Path, out: Path) -> None:
    """Puts a finished folder in its place in one step.

    Raises:
        PrepareError: Something has been put there meanwhile.
    """
    try:
        os.replace(made, out)
    except OSError as error:
        raise PrepareError(f"{out} cannot be made: {error}. Give another --out.") from error


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
