"""The child's side of a process that answers requests; see `json_process`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import IO, Any


def take_stdout() -> IO[bytes]:
    """Return standard output, and discard what libraries print."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    return replies


def send(replies: IO[bytes], reply: Mapping[str, Any]) -> None:
    """Write one reply."""
    replies.write(json.dumps(reply).encode() + b"\n")
