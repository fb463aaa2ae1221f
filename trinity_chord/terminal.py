"""Standard output: reserved for the result, and printable on any terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import TextIOWrapper


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Send printed text to standard error, including that of libraries and child processes."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def accept_any_text() -> None:
    """Let an output whose encoding lacks a character show it escaped instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if not os.environ.get("COLUMNS", "1").isdecimal() or os.environ.get("COLUMNS") == "0":
        del os.environ["COLUMNS"]  # rich would print nothing in 0 columns


def mark(symbol: str, plain: str) -> str:
    """Return a symbol, or its plain stand-in where the output cannot encode it."""
    try:
        symbol.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return plain
    return symbol
