"""The process in which answers are compared: one JSON line in, one JSON line out.

It ends when its input closes, and the kernel ends it when a comparison takes too long: it outlives
neither its parent nor its work.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import IO

GRACE_SECONDS = 2.0
"""After the limit, until the kernel ends the process; the parent is to be earlier."""

Compare = Callable[[str, str], dict]


def main(memory_bytes: int, seconds: float) -> None:
    """Answer requests `{"gold", "answer"}` until the input closes.

    A reply is `{"correct", "reason", "spent"}`; spent: half of the memory is taken, and the process
    should be replaced.

    Args:
        memory_bytes: Of address space, at most.
        seconds: Of wall time for one request, at most.
    """
    replies = _take_stdout()
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    compare = _load()
    _reply(replies, {"ready": True})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, seconds + GRACE_SECONDS)
        reply = compare(request["gold"], request["answer"])
        signal.setitimer(signal.ITIMER_REAL, 0)
        _reply(replies, {**reply, "spent": _address_space() > memory_bytes / 2})


def _take_stdout() -> IO[bytes]:
    """Return the standard output, and send to nowhere what libraries print."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return replies


def _load() -> Compare:
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    extraction = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()]

    def read(text: str) -> list:
        return parse(text, extraction, parsing_timeout=None)

    def compare(gold: str, answer: str) -> dict:
        wanted = read(gold) or read(rf"\boxed{{{gold}}}")
        if not wanted:
            return {"correct": False, "reason": "gold"}
        correct = verify(wanted, read(answer), timeout_seconds=None)
        return {"correct": bool(correct), "reason": None}

    compare("$1$", r"\boxed{1}")  # compiles the regular expressions
    return compare


def _reply(replies: IO[bytes], reply: dict) -> None:
    replies.write(json.dumps(reply).encode() + b"\n")


def _address_space() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
