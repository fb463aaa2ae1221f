"""The process that compares answers: it reads one JSON line per request and writes one in reply.

It exits when its input closes, and the kernel kills it if a comparison takes too long: it outlives
neither its parent nor its work.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

from trinity_chord.json_worker import send, take_stdout

GRACE_SECONDS = 2.0
"""Time between the limit and the kernel's kill; the parent normally acts first."""

Reply = dict[str, Any]
Compare = Callable[[str, str], Reply]


def main(memory_bytes: int, seconds: float) -> None:
    """Answer requests `{"gold", "answer"}` until the input closes.

    A reply is `{"correct", "reason", "spent"}`; `spent` means that half of the memory is in use and
    the process should be replaced.

    Args:
        memory_bytes: Limit of the address space, in bytes.
        seconds: Wall time limit of one request.
    """
    replies = take_stdout()
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    compare = _load()
    send(replies, {"ready": True})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, seconds + GRACE_SECONDS)
        reply = compare(request["gold"], request["answer"])
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(replies, {**reply, "spent": _address_space() > memory_bytes / 2})


def _load() -> Compare:
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    extraction = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()]

    def read(text: str) -> list[Any]:
        found: list[Any] = parse(text, extraction, parsing_timeout=None)
        return found

    def compare(gold: str, answer: str) -> Reply:
        expected = read(gold) or read(rf"\boxed{{{gold}}}")
        if not expected:
            return {"correct": False, "reason": "gold"}
        correct = verify(expected, read(answer), timeout_seconds=None)
        return {"correct": bool(correct), "reason": None}

    compare("$1$", r"\boxed{1}")  # Compiles the regular expressions.
    return compare


def _address_space() -> int:
    """Return the size of this process's address space in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
